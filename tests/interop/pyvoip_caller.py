"""A caller's telephone that is the probe's pyVoIP, led by hand: calls a number, then does what the lines "press KEYS" and
"hang up" say. It tells "answered" and "ended"; whether it was hung up here or there, it has ended then.

python -m tests.interop.pyvoip_caller SERVER_PORT CALLER NUMBER
"""

from __future__ import annotations

import os
import sys
import threading
import time

from ivr.phones.pyvoip import Phone


def main(server_port: int, caller: str, number: str) -> None:
    phone = Phone("127.0.0.1", server_port, caller, "")
    phone.dial(number)
    while not phone.answered:
        time.sleep(0.02)
    say("answered")
    threading.Thread(target=obey, args=[phone], daemon=True).start()
    while not phone.ended_by_remote:
        time.sleep(0.05)
    end(phone)


def obey(phone: Phone) -> None:
    for line in sys.stdin:
        if line.startswith("press "):
            phone.press(line.split()[1])
        else:
            end(phone)


def end(phone: Phone) -> None:
    phone.close()
    say("ended")
    os._exit(0)  # pyVoIP's threads don't end by themselves


def say(word: str) -> None:
    print(word, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    _, server_port, caller, number = sys.argv
    main(int(server_port), caller, number)
