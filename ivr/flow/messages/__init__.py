"""What findings say, in English and Chinese: one table of all rules, in two halves."""

from collections.abc import Mapping

from ivr.flow.messages.message import Message, Severity, rendered
from ivr.flow.messages.reading import READING
from ivr.flow.messages.rules import RULES

__all__ = ["MESSAGES", "READING", "RULES", "Message", "Severity", "rendered"]

MESSAGES: Mapping[str, Message] = {**READING, **RULES}
"""All messages by name: the rule's, and after a dot which of its messages where it has several."""
