"""[io] `hotline demo --voice`: the call of the demo, made by spoken words alone, in two languages, once into the prompt.

The caller's voice is one of espeak-ng's that the built-in model never heard (ivr/speech/tiny/caller.py). It
listens as people do: it speaks when the prompt has ended, says it again when it was not understood, and answers when it is
asked whether that was meant.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ivr.demo import CALLER_HZ, SEAT_HZ, STEP_S, Demo, DemoFailed
from ivr.phones import audio
from ivr.phones.scripted import Call, ScriptedPhone
from ivr.speech.tiny.caller import CALLERS
from ivr.speech.tiny.lexicon import Language
from prompts.sound import level_to, to_telephone, trim
from prompts.speech import Speaker

CALLER = "13900000000"
LEVEL_DB = -20.0
TRIES = 4
"""So often the caller says it, or answers whether it was meant, before the step has failed."""
QUIET_S = 0.9
"""So long a pause, and the prompt has ended: longer than those between its sentences."""
QUIET_DB = -45.0
WINDOW = audio.RATE // 25
"""Samples in which a sound is louder than that, or not: two packets."""
INTO_S, NOW_S = 1.2, 0.1
"""So much of a prompt is listened to before it is spoken into, while it sounds: not in one of its pauses."""
SETTLED_S = 1.0
"""When what was heard has led nowhere for so long, the hotline asks back."""
HUSH_S = 0.4
"""A prompt that is silent for so long has been stopped: a pause between its words is shorter."""
TALK_S = 3.0
OUTCOMES = ("said", "misheard", "not_hearing")
"""What a call tells of speech."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the caller says at a node of the sample's menu, and the node that it leads to."""

    at: str
    text: str
    language: Language
    leads: str
    into_prompt: bool = False


SCRIPT = (
    Line("main", "营业时间", "zh", "info"),
    Line("main", "英语", "zh", "english", into_prompt=True),
    Line("english", "address", "en", "english_info"),
    Line("english", "agent", "en", "service"),
)
YES: Mapping[Language, str] = {"zh": "是的", "en": "yes"}
NO: Mapping[Language, str] = {"zh": "不对", "en": "no"}


class SpokenDemo(Demo):
    """The demo whose caller speaks."""

    way_s = STEP_S * (1 + len(SCRIPT) * TRIES)

    def more_environment(self) -> Mapping[str, str]:
        """See Demo."""
        return {"HOTLINE_SPEECH_ENABLED": "on", "HOTLINE_SPEECH_MODEL": "tiny"}

    async def be_caller(self) -> None:
        """See Demo."""
        texts = {(line.text, line.language) for line in SCRIPT}
        texts |= {(text, language) for answers in (YES, NO) for language, text in answers.items()}
        spoken = await asyncio.to_thread(lambda: {key: speak(*key) for key in sorted(texts)})
        server = (self._settings.sip.host, self._settings.sip.port)
        async with ScriptedPhone(server=server, user=CALLER, codecs=("PCMU",)) as phone:
            async with self._step("the caller's telephone dials"):
                self.line("caller", f"dials {self.uri} (scripted telephone, PCMU)")
                call = await phone.dial(self.uri)
                await call.wait_answered(STEP_S)
                self.line("caller", "is answered")
            for line in SCRIPT:
                async with self._step(f"the caller says “{line.text}” in {line.at} and comes to {line.leads}"):
                    await self._lead(call, line, spoken)
            async with self._step("the caller hears the seat"):
                await call.wait_tone(SEAT_HZ, STEP_S * 2)
                self.line("caller", f"hears the seat's tone, {SEAT_HZ} Hz")
                call.send_tone(CALLER_HZ)
                await call.wait_heard(TALK_S, STEP_S)
            self.line("caller", "hangs up")
            await call.hang_up()
        self.line("caller", f"pressed no key; {len(SCRIPT)} words led to the seat")

    async def _lead(self, call: Call, line: Line, spoken: Mapping[tuple[str, Language], audio.Samples]) -> None:
        """Say it until it has led where it should. Raises DemoFailed, PhoneError."""
        await self._until(lambda: self._node() == line.at, f"the menu is at {line.at}")
        came, text = time.monotonic(), line.text
        for attempt in range(TRIES):
            into = line.into_prompt and not attempt
            began = await self._listen(call, came, into_prompt=into)
            seen = len(self._events)
            self.line("caller", f"says “{text}”" + (" into the prompt" if into else ""))
            call.send_samples(spoken[text, line.language])
            if into:
                await self._hush(call, began)
            came = time.monotonic()
            outcome = await self._outcome(seen, line.leads, f"something comes of “{text}”")
            if outcome is None:
                return
            kind, data = outcome
            if kind == "not_hearing" and data["why"] == "off":
                raise DemoFailed("the hotline hears the caller: speech is off")
            if kind == "said" and text == line.text:  # asked whether that was meant
                text = (YES if data["text"] == line.text else NO)[line.language]
            elif kind == "said":  # what was asked about is settled, and it was not that
                text = line.text
        raise DemoFailed(f"“{line.text}” leads from {line.at} to {line.leads}: not in {TRIES} tries")

    def _node(self) -> str:
        return next((data["node"] for kind, data in reversed(self._events) if kind == "menu"), "")

    async def _outcome(self, seen: int, leads: str, what: str) -> tuple[str, dict[str, Any]] | None:
        """What was made of what the caller said: None where it led there, else what else came of it, a while ago."""

        def led() -> bool:
            return any(kind == "menu" and data["node"] == leads for kind, data in self._events[seen:])

        def others() -> list[tuple[str, dict[str, Any]]]:
            return [event for event in self._events[seen:] if event[0] in OUTCOMES]

        await self._until(lambda: led() or (bool(others()) and time.monotonic() - self._told_at > SETTLED_S), what)
        return None if led() else others()[-1]

    async def _listen(self, call: Call, since: float, *, into_prompt: bool) -> float:
        """Until the prompt has ended, or until it is time to speak into it. Returns the moment."""
        await call.wait_until(lambda: loud(call.samples(since)), "the hotline speaks", STEP_S)
        if into_prompt:
            await call.wait_heard(INTO_S, STEP_S)
            await call.wait_until(lambda: loud(call.samples(time.monotonic() - NOW_S)), "the prompt goes on", STEP_S)
        else:
            await call.wait_until(
                lambda: not loud(call.samples(time.monotonic() - QUIET_S)), "the hotline has spoken to the end", STEP_S
            )
        return time.monotonic()

    async def _hush(self, call: Call, since: float) -> None:
        """Tell how long after this moment the prompt fell silent. Raises DemoFailed where it doesn't."""
        await call.wait_heard(1.0, STEP_S)
        heard = call.samples(since)
        pause = round(HUSH_S * audio.RATE)
        quiet = (at for at in range(0, len(heard) - pause, WINDOW) if not loud(heard[at : at + pause]))
        after = next(quiet, None)
        if after is None:
            raise DemoFailed("the prompt falls silent when the caller speaks into it")
        self.line("caller", f"hears the prompt fall silent {after / audio.RATE:.2f} s after the first sound")


def speak(text: str, language: Language) -> audio.Samples:
    """A text as the caller says it, 8 kHz."""
    speaker = Speaker()
    narrow = to_telephone(speaker.speak(text, CALLERS[language]), speaker.rate)
    sound = trim(level_to(narrow, LEVEL_DB), before_s=0.0, after_s=0.2)
    return np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)


def loud(samples: audio.Samples) -> bool:
    """Whether something is said somewhere in this."""
    return any(audio.loudness(samples[at : at + WINDOW]) > QUIET_DB for at in range(0, len(samples), WINDOW))
