"""Twilio's callers by way of the nginx of deploy/nginx, over https and wss, with ports and paths of a test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.interop.conftest import certify
from tests.ports import free_port
from tests.site import MAIN_MENU, NOTICE, PATIENCE_S
from tests.talk import sound
from tests.twilio import twilio_site

pytestmark = pytest.mark.interop(peer="nginx")

SERVER = Path(__file__).parents[2] / "deploy" / "nginx" / "hotline-gateway.conf"
AROUND = """
daemon off;
pid {place}/nginx.pid;
error_log {place}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    {server}
}}
"""


@contextlib.asynccontextmanager
async def nginx(place: Path, port: int, gateway: int) -> AsyncIterator[None]:
    """In front of the gateway; its certificate's authority is authority.pem."""
    certify(place)
    text = SERVER.read_text(encoding="utf-8")
    for old, new in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "listen [::]:443 ssl;": "",
        "server_name hotline.example.com;": "server_name 127.0.0.1;",
        "/etc/letsencrypt/live/hotline.example.com/fullchain.pem": str(place / "cert.pem"),
        "/etc/letsencrypt/live/hotline.example.com/privkey.pem": str(place / "key.pem"),
        "127.0.0.1:8090": f"127.0.0.1:{gateway}",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (place / "nginx.conf").write_text(AROUND.format(place=place, server=text), encoding="utf-8")
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "this test needs nginx. On Debian: apt-get install nginx-light"
    process = await asyncio.create_subprocess_exec(
        program, "-p", str(place), "-c", str(place / "nginx.conf"), "-e", str(place / "error.log")
    )
    try:
        yield
        assert process.returncode is None, (place / "error.log").read_text(encoding="utf-8")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_a_caller_by_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed webhooks and the stream pass, both hear each other; nothing but Twilio's paths is to be reached."""
    port, gateway = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    place = tmp_path / "nginx"
    place.mkdir()
    async with nginx(place, port, gateway):
        monkeypatch.setenv("SSL_CERT_FILE", str(place / "authority.pem"))
        url = f"https://127.0.0.1:{port}"
        (tmp_path / "site").mkdir()
        async with twilio_site(tmp_path / "site", http=gateway, public_url=url) as both:
            async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
                assert (await client.get(f"{url}/healthz")).status_code == 200
                assert (await client.get(f"{url}/metrics")).status_code == 404
            seat = await both.site.seat()
            call = await both.twilio.call("+14155550123")
            await call.wait_like(sound(NOTICE))
            await call.wait_like(sound(MAIN_MENU))
            call.press("1")
            agent = await seat.incoming(PATIENCE_S)
            await agent.wait_answered()
            agent.send_tone(620)
            call.send_tone(440)
            await asyncio.gather(call.wait_tone(620), agent.wait_tone(440, PATIENCE_S))
            await agent.hang_up()
            assert await call.wait_ended() == "completed"
            assert (call.failures, call.stream.complaints) == ([], [])
            [row] = await both.site.ended()
            assert (row["trunk"], row["reason"]) == ("twilio", "completed")
