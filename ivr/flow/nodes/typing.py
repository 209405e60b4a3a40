"""Digits keyed in, or said, one after the other: what collect, extension and return_call have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ivr.flow.events import Reading
from ivr.flow.node import Scene, habit
from ivr.flow.parts import Prompt

FIRST_S, NEXT_S = 8.0, 4.0
LONGEST_S = 15.0
"""So long a number may take to be said."""
Seconds = Annotated[float, Field(ge=1, le=60)]


def take_kept(scene: Scene, most: int, terminator: str | None) -> bool:
    """Type the digits that were pressed early; True when they are all that is wanted."""
    while (digit := scene.kept()) is not None:
        if digit == terminator and scene.typed:
            return True
        if digit.isdigit():
            scene.typed += digit
        if len(scene.typed) >= most:
            return True
    return False


def type_digit(
    scene: Scene, digit: str, prompt: tuple[Prompt, ...], *, most: int, terminator: str | None, next_s: float = NEXT_S
) -> bool:
    """One key of several; True when that was all. * clears what was typed, or goes back; # ends the input, or hears again; 0#
    leads to a person wherever 0 alone can't be what is asked for."""
    if digit == terminator and scene.typed:
        scene.hush()
        scene.wait(None)
        if scene.typed == scene.document.habits.human and scene.has_person and most > 1:
            scene.pressed(scene.typed)
            scene.go(None)
            return False
        return True
    if digit.isdigit():
        scene.hush()
        scene.typed += digit
        scene.wait(None if len(scene.typed) >= most else next_s)
        return len(scene.typed) >= most
    if scene.typed:
        scene.typed = ""
        scene.hush()
        scene.say(prompt)
        return False
    if not habit(scene, prompt, digit, human=False):
        scene.hush()
        scene.say(prompt)
    return False


def said_digits(digits: str) -> tuple[Prompt | Reading, ...]:
    """To ask whether these digits were said."""
    return ("speech_said", Reading("digits", digits))
