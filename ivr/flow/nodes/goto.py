"""goto: another node. flow: a sub-flow, and its return."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ivr.flow.node import Node, Scene
from ivr.flow.parts import Edge, Name


class Goto(Node):
    """Goes to another node, e.g. to switch the language on the way."""

    kind: Literal["goto"]
    to: Name

    @property
    def needs_answer(self) -> bool:
        return False

    def edges(self) -> Iterable[Edge]:
        return (Edge(at=("to",), to=self.to, silent=True),)

    def enter(self, scene: Scene) -> None:
        scene.go(self.to)


class Subflow(Node):
    """Goes through the sub-flow of that name (the document's `flows`) and, at its `return`, on to `then`."""

    kind: Literal["flow"]
    flow: Name
    """The sub-flow."""
    then: Name

    @property
    def needs_answer(self) -> bool:
        return False

    def edges(self) -> Iterable[Edge]:
        return (Edge(("then",), self.then, silent=True),)

    def enter(self, scene: Scene) -> None:
        scene.enter_flow(self.flow, self.then)


class Return(Node):
    """The end of a sub-flow: on to where the node that entered it says."""

    kind: Literal["return"]

    @property
    def needs_answer(self) -> bool:
        return False

    def enter(self, scene: Scene) -> None:
        scene.leave_flow()
