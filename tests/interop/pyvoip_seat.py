"""A seat's telephone that is pyVoIP as it comes, but for A-law: registers, answers a call, sends a tone, says how it went.

python pyvoip_seat.py SERVER_PORT USER PASSWORD SIP_PORT RTP_PORT TONE_HZ
"""

from __future__ import annotations

import math
import sys
import time
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports audioop, which Python 3.13 left out
    import pyVoIP
    from pyVoIP.RTP import PayloadType
    from pyVoIP.VoIP import CallState, VoIPCall, VoIPPhone

pyVoIP.RTPCompatibleCodecs = [PayloadType.PCMU, PayloadType.EVENT]  # what it sends as A-law is µ-law


def main(server_port: int, user: str, password: str, sip_port: int, rtp_port: int, tone_hz: int) -> None:
    tone = bytes(round(128 + 64 * math.sin(2 * math.pi * tone_hz * n / 8000)) for n in range(8000 * 30))

    def answer(call: VoIPCall) -> None:
        call.answer()
        call.write_audio(tone)
        print("answered", flush=True)  # noqa: T201 - the test reads it
        while call.state is CallState.ANSWERED:
            time.sleep(0.05)
        print("ended", flush=True)  # noqa: T201

    phone = VoIPPhone(
        "127.0.0.1", server_port, user, password, myIP="127.0.0.1", callCallback=answer,
        sipPort=sip_port, rtpPortLow=rtp_port, rtpPortHigh=rtp_port + 20,
    )  # fmt: skip
    phone.start()
    while phone.get_status().value != "REGISTERED":
        time.sleep(0.05)
    print("registered", flush=True)  # noqa: T201
    while True:
        time.sleep(1)


if __name__ == "__main__":
    _, server_port, user, password, *numbers = sys.argv
    main(int(server_port), user, password, *(int(number) for number in numbers))
