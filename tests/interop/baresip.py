"""baresip as a seat's telephone: it registers, answers by itself, sends a tone, and keeps what it hears as a WAV file."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ivr.phones import audio
from tests.interop.program import START_S, Program, program
from tests.ports import free_ports
from tests.site import PATIENCE_S

BARESIP = shutil.which("baresip")
TONE_S = 60.0
MODULES = Path("/usr/lib/baresip/modules")
CONFIG = """
sip_listen 127.0.0.1:0
sip_cafile {authority}
audio_player aubridge,nowhere
audio_source aufile,{directory}/tone.wav
audio_alert aubridge,nowhere
rtp_ports {rtp_port}-{rtp_port_last}
ctrl_tcp_listen 127.0.0.1:{control_port}
snd_path {directory}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""


@dataclass(slots=True)
class Baresip:
    """A running baresip with one account."""

    running: Program
    directory: Path
    control_port: int

    async def registered(self) -> None:
        """Until its REGISTER was answered with 200."""
        await self.running.until_said("200 OK")

    async def command(self, command: str, parameters: str = "") -> None:
        """One of its menu's commands (hangup, hold, resume, dial …) by its control socket."""
        body = f'{{"command":"{command}","params":"{parameters}","token":"t"}}'
        reader, writer = await asyncio.open_connection("127.0.0.1", self.control_port)
        writer.write(f"{len(body)}:{body},".encode())  # a netstring
        await writer.drain()
        try:
            async with asyncio.timeout(START_S):
                while b'"response":true' not in await reader.readuntil(b","):
                    pass
        except asyncio.IncompleteReadError as error:
            raise AssertionError(f"baresip hung up its control socket at {command!r}\n{self.running.last_words}") from error
        writer.close()
        await writer.wait_closed()

    async def heard(self) -> audio.Samples:
        """All that it has heard in its last call, which it writes to the end a moment after it has hung up."""
        path = max(self.directory.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        async with asyncio.timeout(PATIENCE_S):
            while not len(samples := audio.read_wav(path.read_bytes()).channels[0]):  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.05)
        return samples


@contextlib.asynccontextmanager
async def baresip(directory: Path, account: str, *, tone_hz: int, authority: Path, control_port: int) -> AsyncIterator[Baresip]:
    """A baresip that runs while the block does. account: a line of its accounts file. authority: whose certificates it
    believes over TLS."""
    assert BARESIP is not None, "baresip is not installed"
    _write(directory, account, authority, tone_hz, control_port)
    async with program(BARESIP, "-f", str(directory), "-s", log=directory / "baresip.log") as running:
        await running.until_said("baresip is ready")
        yield Baresip(running, directory, control_port)


def _write(directory: Path, account: str, authority: Path, tone_hz: int, control_port: int) -> None:
    rtp_port = free_ports(10)
    (directory / "config").write_text(
        CONFIG.format(
            authority=authority, rtp_port=rtp_port, rtp_port_last=rtp_port + 9, control_port=control_port,
            directory=directory, modules=MODULES,
        )
    )  # fmt: skip
    (directory / "accounts").write_text(account + "\n")
    (directory / "tone.wav").write_bytes(audio.write_wav(audio.tone(tone_hz, TONE_S)))
    (directory / "contacts").write_text("")
