"""[io] The probe: an independent telephone (pyVoIP) calls a number, presses keys, and says what it heard and when.

    hotline probe sip:4001@127.0.0.1:5060 --expect welcome.wav --keys 1 --tone 440 --seconds 5 --json

It runs in a process of its own, which always ends within a bound: `probe()` starts it and reads its events as JSON lines,
{"event": "dialling" | "answered" | "heard" | "pressed" | "tone" | "hung up" | "report", "at": seconds since the start, …};
the last one is the report, which is all that --json prints.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from ivr.phones import audio
from ivr.phones.pyvoip import Phone, ProbeError
from ivr.phones.rtp import Heard

ALIKE = 0.7
"""Similarity from which on an expected recording counts as heard."""
ANSWER_S = 20.0
"""How long an answer is waited for."""
PROMPT_S = 30.0
"""How long the first expected recording is waited for before the keys are pressed all the same."""
SLACK_S = 20.0
"""What registering, dialling and hanging up may take beyond the planned time."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """What the probe shall do in one call."""

    uri: str
    """sip:number@host:port of the server."""
    keys: str = ""
    key_after_s: float | None = None
    """When to press: so many seconds after the answer; None: when the first expected recording was heard, else after 1 s."""
    play: str = ""
    """WAV file to send, "" for silence."""
    seconds: float = 5.0
    """How long to stay on the line after the keys (without keys: after the answer)."""
    user: str = ""
    """Account to register and log in with; needs a password."""
    password: str = ""
    caller: str = "13900000000"
    """User part of the From header where no account is given."""
    expect: tuple[str, ...] = ()
    """WAV files that must be heard, in this order."""
    tone: tuple[int, ...] = ()
    """Tones in Hz that must be heard, in any order."""
    save: str = ""
    """WAV file to write what was heard to."""

    @property
    def bound_s(self) -> float:
        """The process has ended after this time, whatever happens."""
        keys_s = self.key_after_s if self.key_after_s is not None else PROMPT_S
        return ANSWER_S + (keys_s if self.keys else 0.0) + 0.2 * len(self.keys) + self.seconds + SLACK_S


@dataclass(slots=True)
class ProbeReport:
    """What the probe found."""

    uri: str
    answer_s: float | None = None
    """Seconds from dialling to the answer."""
    status: int = 0
    """The answer that refused the call."""
    similarity: dict[str, float] = field(default_factory=dict)
    """For each expected recording how much of it was heard, 0 to 1; from 0.7 on it counts as heard."""
    heard_at: dict[str, float] = field(default_factory=dict)
    """For each expected recording or tone that was heard: seconds from the start."""
    heard_s: float = 0.0
    """Seconds of sound received."""
    loudness_db: float = -120.0
    """Of what was heard, below full scale; -120 is silence."""
    largest_gap_s: float = 0.0
    """The longest time between two packets."""
    keys: str = ""
    """Keys pressed."""
    ended_by: str = ""
    """probe, remote, refused or error."""
    error: str = ""
    missing: list[str] = field(default_factory=list)
    """Expected recordings and tones that were not heard."""

    @property
    def ok(self) -> bool:
        """True when the call was answered and all that was expected was heard."""
        return self.answer_s is not None and not self.error and not self.missing


Emit = Callable[[str, Mapping[str, Any]], float]
"""Tells an event with its details, returns its time in seconds since the start."""


def probe(
    uri: str,
    *,
    keys: str = "",
    key_after_s: float | None = None,
    play: Path | None = None,
    seconds: float = 5.0,
    user: str = "",
    password: str = "",
    caller: str = "13900000000",
    expect: Sequence[Path] = (),
    tone: Sequence[int] = (),
    save: Path | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> ProbeReport:
    """Call `uri` from a process of its own, and wait for the report. `on_event` gets each event as it happens."""
    plan = ProbePlan(
        uri, keys, key_after_s, str(play or ""), seconds, user, password, caller,
        tuple(str(path) for path in expect), tuple(tone), str(save or ""),
    )  # fmt: skip
    report = ProbeReport(uri, ended_by="error", error="the probe's process died without a report")
    command = [sys.executable, "-W", "ignore", "-m", "ivr.phones.probe", "--plan", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        killer = threading.Timer(plan.bound_s + 10.0, process.kill)
        killer.start()
        try:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("no pipes to the probe's process")
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(asdict(plan)))  # the password goes this way: an argument is seen by every user
                process.stdin.close()
            for line in process.stdout:
                event = json.loads(line)
                if event.pop("event") == "report":
                    event.pop("at")
                    report = ProbeReport(**{key: value for key, value in event.items() if key != "ok"})
                elif on_event is not None:
                    on_event(json.loads(line))
        finally:
            killer.cancel()
    return report


def run(plan: ProbePlan, emit: Emit) -> ProbeReport:
    """Make the call in this process: pyVoIP leaves threads behind, so end the process afterwards."""
    report = ProbeReport(plan.uri)
    phone: Phone | None = None
    match = re.fullmatch(r"sips?:([^@]+)@([^:;]+)(?::(\d+))?(?:;.*)?", plan.uri)
    if match is None:
        report.ended_by, report.error = "error", f"not a SIP URI with a user part: {plan.uri}"
        return report
    number, host, port = match.group(1), match.group(2), int(match.group(3) or 5060)
    try:
        wanted = {path: audio.read_wav(Path(path).read_bytes()).channels[0] for path in plan.expect}
        voice = audio.read_wav(Path(plan.play).read_bytes()).channels[0] if plan.play else audio.silence(0.0)
        phone = Phone(host, port, plan.user or plan.caller, plan.password if plan.user else "")
        emit("dialling", {"uri": plan.uri})
        dialled = time.monotonic()
        phone.dial(number)
        while not phone.answered:
            if time.monotonic() - dialled > ANSWER_S:
                raise ProbeError(f"not answered within {ANSWER_S:.0f} s")
            time.sleep(0.02)
        answered = time.monotonic()
        report.answer_s = round(answered - dialled, 3)
        emit("answered", {"after_s": report.answer_s})
        if plan.play:
            phone.play(voice, loop=False)
        _listen(phone, plan, wanted, report, emit)
        ended = time.monotonic()
        if phone.ended_by_remote:
            report.ended_by = "remote"
        else:
            report.ended_by = "probe"
            phone.hang_up()
        emit("hung up", {"by": report.ended_by})
        heard = phone.heard()
        samples = heard.samples()
        report.heard_s = round(len(samples) / audio.RATE, 2)
        report.loudness_db = round(audio.loudness(samples), 1)
        gaps = heard.gaps(0.0, None if heard.packets else answered, ended)
        report.largest_gap_s = round(max((length for _, length in gaps), default=0.0), 3)
        if plan.save:
            Path(plan.save).write_bytes(audio.write_wav(samples))
    except ProbeError as error:
        report.status, report.error = error.status, str(error)
        report.ended_by = "refused" if error.status else "error"
    except (OSError, ValueError) as error:
        report.error, report.ended_by = f"{type(error).__name__}: {error}", "error"
    if phone is not None:
        phone.close()
    names = [*plan.expect, *(f"{hz} Hz" for hz in plan.tone)]
    report.missing = [name for name in names if name not in report.heard_at]
    return report


def _listen(phone: Phone, plan: ProbePlan, wanted: dict[str, audio.Samples], report: ProbeReport, emit: Emit) -> None:
    """From the answer to the end: press when it is time, look for what is expected."""
    answered = time.monotonic()
    pressed_at = None if plan.keys else answered
    ears = _Ears(plan, wanted, report, emit)
    while not phone.ended_by_remote:
        now = time.monotonic()
        ears.listen(phone.heard(), now)
        if pressed_at is None:
            if plan.key_after_s is not None:
                due = now - answered >= plan.key_after_s
            elif plan.expect:
                due = plan.expect[0] in report.heard_at or now - answered > PROMPT_S
            else:
                due = now - answered >= 1.0
            if due:
                phone.press(plan.keys)
                report.keys = plan.keys
                emit("pressed", {"keys": plan.keys})
                pressed_at = now + 0.2 * len(plan.keys)
        elif now - pressed_at >= plan.seconds:
            return
        time.sleep(0.1)


class _Ears:
    """Looks for the expected recordings, one after the other, and for the tones."""

    def __init__(self, plan: ProbePlan, wanted: dict[str, audio.Samples], report: ProbeReport, emit: Emit) -> None:
        self._wanted, self._report, self._emit = wanted, report, emit
        self._waiting, self._tones = list(plan.expect), list(plan.tone)
        self._since, self._looked_at = -math.inf, 0.0

    def listen(self, heard: Heard, now: float) -> None:
        """Look at what was heard until now; call it often."""
        recent = heard.samples(now - 0.3)
        for hz in [hz for hz in self._tones if len(recent) >= 0.2 * audio.RATE and audio.tone_share(recent, hz) > 0.8]:
            self._tones.remove(hz)
            self._report.heard_at[f"{hz} Hz"] = self._emit("tone", {"hz": hz})
        if not self._waiting or now - self._looked_at < 0.4:
            return
        self._looked_at = now
        name = self._waiting[0]
        before = self._report.similarity.get(name, 0.0)
        score = round(audio.similarity(heard.samples(self._since), self._wanted[name]), 3)
        self._report.similarity[name] = max(score, before)
        if before >= ALIKE and score < before + 0.01:  # it grows while the recording is still being played
            self._waiting.pop(0)
            self._since = now
            self._report.heard_at[name] = self._emit("heard", {"file": name, "similarity": max(score, before)})


Form = Literal["words", "events", "report"]
"""How the process speaks: lines to read, a JSON line an event, or the report alone as one JSON line."""


def _speaker(out: TextIO, form: Form) -> Emit:
    began, lock = time.monotonic(), threading.Lock()

    def emit(event: str, detail: Mapping[str, Any]) -> float:
        at = round(time.monotonic() - began, 2)
        if form == "report" and event != "report":
            return at
        if form != "words":
            line = json.dumps({"event": event, "at": at, **detail}, ensure_ascii=False)
        else:
            line = f"{at:7.2f} s  {event:9} " + ", ".join(
                f"{key} {value}" for key, value in detail.items() if value not in ("", [], {})
            )
        with lock:
            out.write(line + "\n")
            out.flush()

        return at

    return emit


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. Exit status 0: answered and all heard; 1: not so; 2: wrong use or a fault; 3: the bound was reached."""
    parser = argparse.ArgumentParser(
        prog="hotline probe",
        description="Call a number with an independent telephone (pyVoIP); exit status 0: all as expected.",
    )
    parser.add_argument("uri", nargs="?", default="", help="sip:number@host:port")
    parser.add_argument("--plan", help=argparse.SUPPRESS)
    parser.add_argument("--keys", default="", help="keys to press")
    parser.add_argument("--key-after", type=float, dest="key_after_s", help="press so many seconds after the answer")
    parser.add_argument("--play", default="", help="WAV file to send")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to stay after the keys")
    parser.add_argument("--user", default="", help="account to register; its password is read from $PROBE_PASSWORD")
    parser.add_argument("--caller", default="13900000000", help="the caller's number where no account is given")
    parser.add_argument(
        "--expect", action="append", default=[], help="WAV file that must be heard; in order, the keys follow the first"
    )
    parser.add_argument("--tone", action="append", type=int, default=[], help="tone in Hz that must be heard")
    parser.add_argument("--save", default="", help="WAV file for what was heard")
    parser.add_argument("--json", action="store_true", help="print the report alone, as one JSON line, for a monitor")
    given = parser.parse_args(arguments)
    if given.plan == "-":
        values = json.load(sys.stdin)
        plan = ProbePlan(**{**values, "expect": tuple(values["expect"]), "tone": tuple(values["tone"])})
    elif given.uri:
        plan = ProbePlan(
            given.uri, given.keys, given.key_after_s, given.play, given.seconds, given.user,
            os.environ.get("PROBE_PASSWORD", ""), given.caller, tuple(given.expect), tuple(given.tone), given.save,
        )  # fmt: skip
    else:
        parser.error("the uri is missing")
    out, sys.stdout = sys.stdout, sys.stderr  # pyVoIP prints
    emit = _speaker(out, "events" if given.plan == "-" else "report" if given.json else "words")

    def too_late() -> None:
        report = ProbeReport(plan.uri, ended_by="error", error=f"still not done after {plan.bound_s:.0f} s")
        emit("report", {**asdict(report), "ok": False})
        os._exit(3)

    watchdog = threading.Timer(plan.bound_s, too_late)
    watchdog.daemon = True
    watchdog.start()
    status = 2
    try:
        report = run(plan, emit)
        emit("report", {**asdict(report), "ok": report.ok})
        status = 0 if report.ok else 1
    finally:
        if status == 2:
            traceback.print_exc()
        os._exit(status)  # pyVoIP's threads don't end by themselves


if __name__ == "__main__":
    main()
