"""A place that models are fetched from: a real HTTP server with a list and zips of the built-in model, as good or as bad as a
test wants it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ivr.speech.tiny import MODEL

NAME = "vosk-model-small-cn-9.9"


@cache
def model_zip(name: str = NAME) -> bytes:
    """The built-in model as the vendor packs one: all in a folder of its name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(MODEL.rglob("*")):
            if file.is_file():
                archive.writestr(f"{name}/{file.relative_to(MODEL).as_posix()}", file.read_bytes())
    return buffer.getvalue()


def entry(name: str, data: bytes, **more: Any) -> dict[str, Any]:
    """A model of the list, its fields as the vendor writes them."""
    return {
        "lang": "cn",
        "lang_text": "Chinese",
        "md5": hashlib.md5(data).hexdigest(),
        "name": name,
        "obsolete": "false",
        "size": len(data),
        "size_text": "1MiB",
        "type": "small",
        "url": f"https://vendor.invalid/vosk/models/{name}.zip",
        "version": name.rpartition("-")[2],
        **more,
    }


@dataclass
class Vendor:
    """Files by their names, how they are served, and what was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    breaks_after: list[int] = field(default_factory=list)
    """The next zips' connections end after so many bytes of body."""
    refuses: list[int] = field(default_factory=list)
    """Statuses of the next answers."""
    held: threading.Event | None = None
    """Half of each zip comes, the other half when this is set."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range header of each request."""
    port: int = 0

    @property
    def list_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mirror/model-list.json"

    @property
    def zips_asked(self) -> list[str]:
        """The Range headers of requests for zips."""
        return [ranged for path, ranged in self.asked if path.endswith(".zip")]

    def offers(self, *models: dict[str, Any]) -> None:
        self.files["model-list.json"] = json.dumps(models).encode()


@contextlib.contextmanager
def serving(vendor: Vendor) -> Iterator[Vendor]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ranged = self.headers.get("Range", "")
            vendor.asked.append((self.path, ranged))
            data = vendor.files.get(self.path.removeprefix("/mirror/"))
            if vendor.refuses or data is None:
                self.send_response(vendor.refuses.pop(0) if vendor.refuses else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = int(match[1]) if vendor.ranges and (match := re.fullmatch(r"bytes=(\d+)-", ranged)) else 0
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = data[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.path.endswith(".zip") and vendor.breaks_after:
                body, self.close_connection = body[: vendor.breaks_after.pop(0)], True
            if self.path.endswith(".zip") and vendor.held is not None:
                self.wfile.write(body[: len(body) // 2])
                vendor.held.wait(60)
                body = body[len(body) // 2 :]
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exc_info()[1], ConnectionError):  # who fetches may be killed
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    vendor.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def installed(models: Path) -> list[str]:
    """The folders that can be found as models."""
    return sorted(path.name for path in models.iterdir() if not path.name.startswith(".")) if models.exists() else []
