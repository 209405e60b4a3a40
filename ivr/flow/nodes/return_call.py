"""return_call: the caller is offered to be called back (回电)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ivr.flow.events import Entered, Promise
from ivr.flow.hearing import ACCEPTED, DIGITS_PAUSE_S, REFUSED, Hearing, right_or_wrong
from ivr.flow.node import Scene, failed, habit
from ivr.flow.nodes.asking import Asking
from ivr.flow.nodes.collect import is_valid
from ivr.flow.nodes.typing import FIRST_S, LONGEST_S, NEXT_S, Seconds, take_kept, type_digit
from ivr.flow.parts import Digit, Edge, Invalid, Language, Name, NoInput, Path, Prompt, Prompts, Read, Variable
from ivr.speech.spoken import NO, YES

MAX_DIGITS = 12
VARIABLE: Variable = "return_number"
"""Where the number keyed in is kept."""


OTHER: Mapping[Language, tuple[str, ...]] = {"zh": ("其他号码", "其他"), "en": ("other number", "other")}
"""What is said for the key that asks for another number."""
DECLINED = ""
"""What "no" means to an offer: no key of its own."""
TRIES = 2


class ReturnCall(Asking):
    """Offers a return call: `accept` (or yes) takes it to the caller's own number, `other` asks for another one, which is keyed
    in or said, and read back; any other key, no, or silence goes to `declined`. A caller who hides the number is asked for one.
    What is promised is owed from that moment on, whatever becomes of the call; then `promised` is said and the way goes on to
    `then` (default: the end)."""

    reaches_people: ClassVar[bool] = True
    kind: Literal["return_call"]
    prompt: Prompts = ("callback_offer",)
    accept: Digit = "1"
    """The key that takes the offer, to the caller's own number."""
    other: Digit | None = "3"
    """The key that asks for another number; null: none."""
    number_prompt: Prompts = ("callback_enter",)
    """Asks for that number."""
    before: Prompts = ("callback_number",)
    """Said before it is read back."""
    after: Prompts = ("callback_confirm",)
    """Said after it: 1 confirms, 2 begins anew."""
    promised: Prompts = ("callback_saved",)
    """Said when the call is owed."""
    declined: Name
    """Where callers go who don't want it."""
    then: Name | None = None
    timeout_s: Seconds = FIRST_S
    digit_timeout_s: Seconds = NEXT_S
    invalid: Invalid = Invalid()
    """The number can't be right."""
    no_input: NoInput = NoInput()
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")] = "return_call"
    """Why it is owed, in the list of return calls."""

    @model_validator(mode="after")
    def _two_keys(self) -> Self:
        if self.accept == self.other:
            raise PydanticCustomError("same_keys", "accept and other are the same key")
        return self

    def edges(self) -> Iterable[Edge]:
        yield Edge(("declined",), self.declined, silent=True)
        if self.then is not None:
            yield Edge(("then",), self.then)
        yield Edge(("no_input", "to"), self.no_input.to)
        yield Edge(("invalid", "to"), self.invalid.to)
        yield Edge((), None)  # 0

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        for field in ("prompt", "number_prompt", "before", "after", "promised"):
            yield (field,), getattr(self, field)
        yield ("no_input", "prompt"), self.no_input.prompt
        yield ("invalid", "prompt"), self.invalid.prompt

    def enter(self, scene: Scene) -> None:
        scene.say(self.prompt)

    def done(self, scene: Scene) -> None:
        if scene.counted("promised"):
            self._leave(scene)
        elif scene.counted("asking") and not scene.counted("confirming") and take_kept(scene, MAX_DIGITS, "#"):
            self._entered(scene)
        else:
            scene.wait(self.timeout_s)

    def key(self, scene: Scene, digit: str) -> None:
        if scene.counted("promised"):
            scene.keep(digit)
        elif scene.counted("confirming"):
            self._confirm(scene, digit)
        elif scene.counted("asking"):
            if type_digit(scene, digit, self.number_prompt, most=MAX_DIGITS, terminator="#", next_s=self.digit_timeout_s):
                self._entered(scene)
        else:
            self._offered(scene, digit)

    def hears(self, scene: Scene) -> Hearing | None:
        if not self.voiced or scene.counted("promised"):
            return None
        if scene.counted("confirming"):
            return Hearing(right_or_wrong(scene.language), settled=True, habits=("human",))
        if not scene.counted("asking"):
            others = dict.fromkeys(OTHER[scene.language], self.other) if self.other is not None else {}
            yes, no = (dict.fromkeys(words[scene.language], key) for words, key in ((YES, self.accept), (NO, DECLINED)))
            return Hearing(yes | no | others, unsure_below=self.unsure_below)
        if scene.typed:
            return None
        return Hearing(digits=_is_phone, settled=True, pause_s=DIGITS_PAUSE_S, max_s=LONGEST_S)

    def question(self, scene: Scene) -> tuple[Prompt, ...]:
        if scene.counted("confirming"):
            return self._back()
        return self.number_prompt if scene.counted("asking") else self.prompt

    def spoken(self, scene: Scene, meaning: str) -> None:
        if scene.counted("confirming"):
            self._confirm(scene, meaning)
        elif scene.counted("asking"):
            scene.typed = meaning
            self._entered(scene)
        else:
            self._offered(scene, meaning)

    def misheard(self, scene: Scene) -> None:
        if scene.counted("confirming"):
            self._unsure(scene)
        elif scene.counted("asking"):
            failed(scene, "invalid", self.invalid, self.number_prompt)
        elif scene.count("tries") < TRIES:
            scene.say(self.prompt)
        else:
            scene.go(self.declined)

    def timeout(self, scene: Scene) -> None:
        if scene.counted("confirming"):
            self._unsure(scene)
        elif not scene.counted("asking"):
            scene.go(self.declined)
        elif scene.typed:
            self._entered(scene)
        else:
            failed(scene, "no_input", self.no_input, self.number_prompt)

    def resume(self, scene: Scene) -> None:
        if scene.counted("promised"):
            scene.say(self.promised)
        elif scene.counted("confirming"):
            self._read_back(scene)
        elif scene.counted("asking"):
            scene.typed = ""
            scene.say(self.number_prompt)
        else:
            scene.say(self.prompt)

    def _offered(self, scene: Scene, digit: str) -> None:
        known = scene.values.get("dialable") == "yes"
        if digit == self.accept and known:
            scene.pressed(digit)
            scene.hush()
            self._promise(scene, "")
        elif digit in (self.accept, self.other):
            scene.pressed(digit)
            scene.hush()
            scene.count("asking")
            scene.say(self.number_prompt)
        elif not habit(scene, self.prompt, digit):
            scene.pressed(digit)
            scene.hush()
            scene.go(self.declined)

    def _entered(self, scene: Scene) -> None:
        scene.hush()
        number = scene.typed
        scene.typed = ""
        valid = _is_phone(number)
        scene.want(Entered(scene.here, VARIABLE, number, valid))
        if valid:
            scene.set(VARIABLE, number)
            scene.count("confirming")
            self._read_back(scene)
        else:
            failed(scene, "invalid", self.invalid, self.number_prompt)

    def _back(self) -> tuple[Prompt, ...]:
        return (*self.before, Read.model_validate({"read": VARIABLE, "as": "phone"}), *self.after)

    def _read_back(self, scene: Scene) -> None:
        scene.say(self._back())

    def _confirm(self, scene: Scene, digit: str) -> None:
        scene.pressed(digit)
        scene.hush()
        if digit == ACCEPTED:
            self._promise(scene, scene.values[VARIABLE])
        elif digit in (REFUSED, "*"):
            scene.forget("confirming")
            scene.say(self.number_prompt)
        else:
            self._unsure(scene)

    def _unsure(self, scene: Scene) -> None:
        """Nobody says that the number is wrong: it is better owed than forgotten."""
        if scene.count("unsure") >= self.no_input.limit:
            self._promise(scene, scene.values[VARIABLE])
        else:
            self._read_back(scene)

    def _promise(self, scene: Scene, number: str) -> None:
        scene.count("promised")
        scene.want(Promise(number, self.reason))
        scene.say(self.promised)

    def _leave(self, scene: Scene) -> None:
        if self.then is not None:
            scene.go(self.then)
        else:
            scene.end()


def _is_phone(digits: str) -> bool:
    return is_valid("phone", digits)
