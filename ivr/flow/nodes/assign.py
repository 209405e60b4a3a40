"""set: variables get values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from ivr.flow.events import Entered
from ivr.flow.node import Node, Scene
from ivr.flow.parts import Edge, Name, Path, Template, Variable, filled, names_in


class Assign(Node):
    """Gives variables their values, in which {variable} stands for another's, and goes on."""

    kind: Literal["set"]
    values: Annotated[dict[Variable, Template], Field(min_length=1, max_length=50)]
    """The variables with their values."""
    then: Name

    @property
    def needs_answer(self) -> bool:
        return False

    def edges(self) -> Iterable[Edge]:
        return (Edge(("then",), self.then, silent=True),)

    def reads(self) -> Iterable[tuple[Path, str]]:
        for name, template in self.values.items():
            yield from ((("values", name), read) for read in names_in(template))

    def writes(self) -> Iterable[tuple[Path, str]]:
        return ((("values", name), name) for name in self.values)

    def enter(self, scene: Scene) -> None:
        for name, template in self.values.items():
            value = filled(template, scene.values)
            scene.set(name, value)
            hidden = any(read in scene.document.secrets for read in names_in(template))
            scene.want(Entered(scene.here, name, "***" if hidden else value))
        scene.go(self.then)
