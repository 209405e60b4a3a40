"""collect: digits that the caller keys in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ivr.flow.events import Entered, Reading
from ivr.flow.hearing import ACCEPTED, DIGITS_PAUSE_S, REFUSED, Hearing, right_or_wrong
from ivr.flow.node import Scene, failed
from ivr.flow.nodes.asking import Asking
from ivr.flow.nodes.typing import FIRST_S, LONGEST_S, NEXT_S, Seconds, said_digits, take_kept, type_digit
from ivr.flow.parts import Digit, Edge, Invalid, Name, NoInput, Part, Path, Prompt, Prompts, Read, ReadingKind, Variable

Check = Literal["", "phone", "mobile", "id_card", "luhn", "date"]
SECRET = "***"


class ReadBack(Part):
    """What was keyed in, or said, is read back; 1 (是的, yes) confirms it, 2 (不是, no) begins anew. as: how it is read."""

    as_: ReadingKind = Field(default="digits", alias="as")
    """How the digits are read."""
    before: Prompts = ("collect_entered",)
    """Said before them."""
    after: Prompts = ("collect_confirm",)
    """Said after them: 1 confirms, 2 begins anew."""


class Collect(Asking):
    """Takes `min` to `max` digits into the variable `into`, keyed in and ended by `terminator`, by the last one, or by a pause;
    or said, one by one (幺三九; oh, double five), or as a number. `check` names what they must be: a phone number, a mobile, an
    ID card (its check digit; X is keyed as *), luhn (bank cards), a date as YYYYMMDD. `secret`: never in a log, a record or a
    page; not to be said, but with `by_voice: true`.

    * clears what was typed, or goes back; # alone hears again; 0# leads to a person.
    """

    kind: Literal["collect"]
    prompt: Prompts
    into: Variable
    """The variable that keeps the digits."""
    then: Name
    min: Annotated[int, Field(ge=1, le=32)] = 1
    """At least so many digits."""
    max: Annotated[int, Field(ge=1, le=32)] = 20
    """At most so many digits."""
    terminator: Digit | None = "#"
    """The key that ends the input; null: none."""
    check: Check = ""
    """What the digits must be."""
    read_back: ReadBack | None = None
    """The digits are read back and must be confirmed."""
    said_as: Literal["digits", "number"] = "digits"
    """Whether they may be said as a number too: 二十三."""
    secret: bool = False
    """Never in a log, a record or a page."""
    timeout_s: Seconds = FIRST_S
    digit_timeout_s: Seconds = NEXT_S
    no_input: NoInput = NoInput()
    invalid: Invalid = Invalid()
    """The digits can't be right."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.min > self.max:
            raise PydanticCustomError("min_over_max", "min is more than max")
        if self.secret and self.read_back is not None:
            raise PydanticCustomError("secret_read_back", "what is secret is not read back")
        if self.terminator is not None and self.terminator.isdigit():
            raise PydanticCustomError("digit_ends", "a digit can't end the input")
        return self

    def edges(self) -> Iterable[Edge]:
        yield Edge(("then",), self.then)
        yield Edge(("no_input", "to"), self.no_input.to, silent=True)
        yield Edge(("invalid", "to"), self.invalid.to)
        yield Edge((), None)  # 0#

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        yield ("prompt",), self.prompt
        yield ("no_input", "prompt"), self.no_input.prompt
        yield ("invalid", "prompt"), self.invalid.prompt
        if self.read_back is not None:
            yield ("read_back", "before"), self.read_back.before
            yield ("read_back", "after"), self.read_back.after

    def writes(self) -> Iterable[tuple[Path, str]]:
        return ((("into",), self.into),)

    def enter(self, scene: Scene) -> None:
        if take_kept(scene, self.max, self.terminator):
            self._finish(scene)
        elif scene.typed:
            scene.wait(self.digit_timeout_s)
        else:
            scene.say(self.prompt)

    def done(self, scene: Scene) -> None:
        scene.wait(self.timeout_s)

    def key(self, scene: Scene, digit: str) -> None:
        if scene.counted("confirming"):
            self._confirm(scene, digit)
        elif digit == "*" and self.check == "id_card" and len(scene.typed) == 17:
            scene.typed += "X"
            self._finish(scene)
        elif type_digit(scene, digit, self.prompt, most=self.max, terminator=self.terminator, next_s=self.digit_timeout_s):
            self._finish(scene)

    @property
    def voiced(self) -> bool:
        return not self.secret if self.by_voice is None else self.by_voice

    def hears(self, scene: Scene) -> Hearing | None:
        if not self.voiced or (scene.typed and not scene.counted("confirming")):
            return None
        if scene.counted("confirming"):
            return Hearing(right_or_wrong(scene.language), settled=True, habits=("human",))
        return Hearing(
            digits=self._right,
            numbers=self.said_as == "number",
            secret=self.secret,
            settled=self.read_back is not None,
            unsure_below=self.unsure_below,
            pause_s=DIGITS_PAUSE_S,
            max_s=LONGEST_S,
        )

    def question(self, scene: Scene) -> tuple[Prompt, ...]:
        return self._back() if scene.counted("confirming") else self.prompt

    def doubted(self, scene: Scene, meaning: str) -> tuple[Prompt | Reading, ...]:
        return () if self.secret else said_digits(meaning)

    def spoken(self, scene: Scene, meaning: str) -> None:
        if scene.counted("confirming"):
            self._confirm(scene, meaning)
        else:
            scene.typed = meaning
            self._finish(scene)

    def misheard(self, scene: Scene) -> None:
        if scene.counted("confirming"):
            self._unsure(scene)
        else:
            failed(scene, "invalid", self.invalid, self.prompt)

    def timeout(self, scene: Scene) -> None:
        if scene.counted("confirming"):
            self._unsure(scene)
        elif scene.typed:
            self._finish(scene)
        else:
            failed(scene, "no_input", self.no_input, self.prompt)

    def resume(self, scene: Scene) -> None:
        if scene.counted("confirming"):
            self._read_back(scene)
        else:
            scene.typed = ""
            scene.say(self.prompt)

    def _finish(self, scene: Scene) -> None:
        scene.hush()
        value = scene.typed
        valid = self._right(value)
        scene.want(Entered(scene.here, self.into, SECRET if self.secret else value, valid))
        if not valid:
            scene.typed = ""
            failed(scene, "invalid", self.invalid, self.prompt)
        else:
            scene.set(self.into, value)
            if self.read_back is not None:
                scene.count("confirming")
                early = scene.kept()
                if early == self.terminator:
                    early = scene.kept()
                if early is None:
                    self._read_back(scene)
                else:
                    self._confirm(scene, early)
            else:
                scene.go(self.then)

    def _right(self, digits: str) -> bool:
        return self.min <= len(digits) <= self.max and is_valid(self.check, digits)

    def _back(self) -> tuple[Prompt, ...]:
        back = self.read_back or ReadBack()
        return (*back.before, Read.model_validate({"read": self.into, "as": back.as_}), *back.after)

    def _read_back(self, scene: Scene) -> None:
        scene.say(self._back())

    def _confirm(self, scene: Scene, digit: str) -> None:
        if digit == self.terminator and digit not in (ACCEPTED, REFUSED):
            return  # it was meant to end the input, which its last digit had ended already
        scene.pressed(digit)
        scene.hush()
        if digit == ACCEPTED:
            scene.go(self.then)
        elif digit in (REFUSED, "*"):
            scene.typed = ""
            scene.forget("confirming")
            scene.say(self.prompt)
        elif digit == scene.document.habits.human and scene.has_person:
            scene.go(None)
        else:
            self._unsure(scene)

    def _unsure(self, scene: Scene) -> None:
        if scene.count("unsure") >= self.no_input.limit:
            scene.go(self.no_input.to)
        else:
            self._read_back(scene)


_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def is_valid(check: Check, value: str) -> bool:
    """Whether the digits can be what they are said to be. phone: a Chinese landline with its area code, a mobile, a 400 number;
    id_card: GB 11643-1999."""
    match check:
        case "phone":
            return bool(re.fullmatch(r"1[3-9]\d{9}|0\d{9,11}|400\d{7}", value))
        case "mobile":
            return bool(re.fullmatch(r"1[3-9]\d{9}", value))
        case "id_card":
            if not re.fullmatch(r"\d{17}[\dX]", value) or not _DATE.fullmatch(value[6:14]):
                return False
            total = sum(int(digit) * weight for digit, weight in zip(value, _ID_WEIGHTS, strict=False))
            return "10X98765432"[total % 11] == value[17]
        case "luhn":
            doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(value))]
            return value.isdigit() and sum(each // 10 + each % 10 for each in doubled) % 10 == 0
        case "date":
            return bool(_DATE.fullmatch(value))
        case _:
            return True
