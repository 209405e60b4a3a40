"""A seat's telephone that is pyVoIP as it comes, but for A-law: registers, then picks up or hangs up as the lines "answer" and
"hang up" say that it is told. It tells "registered", "ringing", "answered", "ended"; once answered it sends a tone.

python -m tests.interop.pyvoip_seat SERVER_PORT USER PASSWORD SIP_PORT RTP_PORT TONE_HZ
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from queue import Queue

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports audioop, which Python 3.13 left out
    import pyVoIP
    from pyVoIP.RTP import PayloadType
    from pyVoIP.VoIP import CallState, VoIPCall, VoIPPhone

pyVoIP.RTPCompatibleCodecs = [PayloadType.PCMU, PayloadType.EVENT]  # what it sends as A-law is µ-law


def main(server_port: int, user: str, password: str, sip_port: int, rtp_port: int, tone_hz: int) -> None:
    tone = bytes(round(128 + 64 * math.sin(2 * math.pi * tone_hz * n / 8000)) for n in range(8000 * 30))
    rings: Queue[VoIPCall] = Queue()

    def rung(call: VoIPCall) -> None:
        rings.put(call)
        say("ringing")
        while call.state is not CallState.ENDED:
            time.sleep(0.05)
        say("ended")

    phone = VoIPPhone(
        "127.0.0.1", server_port, user, password, myIP="127.0.0.1", callCallback=rung,
        sipPort=sip_port, rtpPortLow=rtp_port, rtpPortHigh=rtp_port + 3,
    )  # fmt: skip
    phone.start()
    while phone.get_status().value != "REGISTERED":
        time.sleep(0.05)
    say("registered")
    for line in sys.stdin:
        if line.strip() == "answer":
            call = rings.get()
            call.answer()
            call.write_audio(tone)
            say("answered")
        else:
            call.hangup()


def say(word: str) -> None:
    print(word, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    _, server_port, user, password, *numbers = sys.argv
    main(int(server_port), user, password, *(int(number) for number in numbers))
