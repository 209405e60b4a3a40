"""What the supervisor hears from a console that is just starting."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from ivr.config import load
from ivr.serve import Supervisor

HEAD = b"HTTP/1.1 503 Away\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(("said", "ends"), [(HEAD, False), (HEAD, True), (b"nonsense\r\n\r\n", True)])
def test_a_console_that_falls_silent_or_ends_in_its_answer_is_not_ready(tmp_path: Path, said: bytes, ends: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as console:
        environ = {"HOTLINE_DATA_DIR": str(tmp_path), "HOTLINE_CONSOLE_PORT": str(console.getsockname()[1])}
        supervisor = Supervisor(load(None, environ), say=print)
        over = threading.Event()

        def answer() -> None:
            asking, _ = console.accept()
            with asking:
                asking.recv(4096)
                asking.sendall(said)
                assert ends or over.wait(60)

        answering = threading.Thread(target=answer)
        answering.start()
        try:
            assert supervisor._console_says().startswith("console: ")
        finally:
            over.set()
            answering.join()
