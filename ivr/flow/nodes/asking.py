"""What nodes have in common that callers may answer by words."""

from __future__ import annotations

from typing import ClassVar

from ivr.flow.node import Node
from ivr.flow.parts import Confidence


class Asking(Node):
    """Asks the caller something; keys and words are as good."""

    asks: ClassVar[bool] = True
    by_voice: bool | None = None
    """Whether callers may answer by words too, where there is speech; by default they may, but for what is secret."""
    unsure_below: Confidence | None = None
    """Spoken answers of less confidence are asked about; by default as the document says."""

    @property
    def voiced(self) -> bool:
        """Whether callers may answer by words."""
        return self.by_voice is not False
