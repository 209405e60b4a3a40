"""Rules about when: what is said before the answer, and times that can't do what they are for."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.flow.checks.survey import Survey
from ivr.flow.finding import Finding
from ivr.flow.nodes.hangup import Hangup
from ivr.flow.nodes.queue import QueueNode
from ivr.flow.nodes.say import Say
from ivr.flow.nodes.voicemail import Voicemail

HASTY_S = 2.0
"""So long at least it takes to find a key."""


def before_answer(survey: Survey) -> Iterator[Finding]:
    """What is said before the answer comes before it."""
    told: set[str] = set()
    for state in survey.states:
        node = survey.node(state.node)
        if isinstance(node, Say | Hangup) and node.before_answer and state.manner.answered and state.node not in told:
            told.add(state.node)
            yield survey.at(state.node, ("before_answer",), "answered_already", trail=survey.trail(state))


def times(survey: Survey) -> Iterator[Finding]:
    """Waits are long enough for what is waited for."""
    for name, node in survey.document.every_node.items():
        for field in ("timeout_s", "digit_timeout_s"):
            seconds = getattr(node, field, None) if node.asks else None
            if seconds is not None and seconds < HASTY_S:
                yield survey.at(name, (field,), "hasty", field=field, seconds=f"{seconds:g}", limit=f"{HASTY_S:g}")
        match node:
            case QueueNode() if node.announce is not None and node.time_limit_s is not None:
                every, limit = node.announce.every_s, node.time_limit_s
                if every >= limit:
                    yield survey.at(name, ("announce", "every_s"), "never_told", every=f"{every:g}", limit=f"{limit:g}")
            case Voicemail():
                if node.min_s >= node.max_s:
                    yield survey.at(name, ("min_s",), "message_short")
                if node.silence_s >= node.max_s:
                    yield survey.at(name, ("silence_s",), "silence_long")
            case _:
                pass
