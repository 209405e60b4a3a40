"""[io] `hotline demo --trunk twilio`: the demo's call by a Twilio of one's own (ivr.phones.twilio) over real HTTP and
WebSockets."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ivr.config import SAMPLE, Settings, load
from ivr.demo import CALLER_HZ, SEAT_HZ, STEP_S, TALK_S, Demo, DemoFailed
from ivr.gatewaysettings import LOOPBACK, TOKEN_VARIABLE
from ivr.listen import free_port
from ivr.phones import audio
from ivr.phones.twilio import FakeTwilio, TwilioError
from prompts import PATH as PROMPTS

NUMBER, CALLER = "+14155550100", "+14155550123"

TABLES = """
[gateway]
port = {http}
engine_port = {engine}
sip_port = {sip}

[twilio]
account_sid = "{account}"
public_url = "{url}"
api_url = "{api}"
numbers = {{ "{number}" = "sample" }}
"""


class TwilioDemo(Demo):
    """The same call, whose caller comes by Twilio."""

    def __init__(self, settings: Settings, say: Callable[[str], None], environ: Mapping[str, str], twilio: FakeTwilio) -> None:
        super().__init__(settings, say)
        self._environ = environ
        self._twilio = twilio

    def more_environment(self) -> Mapping[str, str]:
        """See Demo."""
        return {**super().more_environment(), **self._environ}

    async def be_caller(self) -> None:
        """See Demo."""
        welcome = audio.read_wav((PROMPTS / "zh" / "welcome.wav").read_bytes()).channels[0]
        self.line("caller", f"dials {NUMBER} at Twilio, which asks our webhook what to do")
        call = await self._twilio.call(CALLER)
        try:
            await call.wait_stream()
            self.line("twilio", "got TwiML <Connect><Stream>, opened the WebSocket, streams µ-law both ways")
            call.send_tone(CALLER_HZ)
            await call.wait_like(welcome, STEP_S)
            self.line("caller", "heard the welcome with the recording notice")
            call.press("1")
            self.line("caller", "presses 1")
            await call.wait_tone(SEAT_HZ, STEP_S * 2)
            self.line("caller", f"hears the seat's tone, {SEAT_HZ} Hz")
            await asyncio.sleep(TALK_S / 2)
            await call.hang_up()
        except TwilioError as error:
            raise DemoFailed(f"the caller by Twilio: {error}") from error
        if call.stream.complaints:
            raise DemoFailed(f"Twilio would not have understood us: {call.stream.complaints}")
        self.line("caller", "hangs up")


async def run(say: Callable[[str], None]) -> None:
    """The sample hotline in a directory of its own, a Twilio beside it, the call. Raises DemoFailed; then the directory stays,
    for the logs in it."""
    directory = Path(tempfile.mkdtemp(prefix="hotline-demo-"))
    http = free_port(socket.SOCK_STREAM, LOOPBACK)
    async with FakeTwilio(NUMBER, f"http://{LOOPBACK}:{http}") as twilio:
        tables = TABLES.format(
            http=http,
            engine=free_port(socket.SOCK_DGRAM, LOOPBACK),
            sip=free_port(socket.SOCK_DGRAM, LOOPBACK),
            account=twilio.account_sid,
            url=twilio.public_url,
            api=twilio.rest.url,
            number=NUMBER,
        )
        path = directory / "hotline.toml"
        path.write_text(SAMPLE.read_text(encoding="utf-8") + tables, encoding="utf-8")
        ports = {
            "HOTLINE_SIP_PORT": str(free_port(socket.SOCK_DGRAM, LOOPBACK)),
            "HOTLINE_CONSOLE_PORT": str(free_port(socket.SOCK_STREAM, LOOPBACK)),
        }
        settings = load(path, ports, data_dir=str(directory / "var"))
        environ = {"HOTLINE_CONFIG": str(path), TOKEN_VARIABLE: twilio.auth_token}
        demo = TwilioDemo(settings, say, environ, twilio)
        async with demo.hotline():
            await demo.call()
    shutil.rmtree(directory)
