"""A hotline with a menu for each kind of node, the company's own system that menus ask, and the operator's trunk."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from followup.tables import call_event
from ivr.phones.scripted import ScriptedPhone
from storage.embedded import EmbeddedRedis
from storage.redis import connect_sync
from tests.site import Site, running

MENUS = {
    "say": """
start: hello
human: person
nodes:
  hello: {kind: say, prompt: {text: "您的号码是 {caller}。"}, then: order}
  order:
    {kind: collect, prompt: digit_1, into: order, max: 6, read_back: {as: order, before: digit_2, after: digit_3}, then: pin}
  pin: {kind: collect, prompt: digit_4, into: pin, min: 4, max: 4, secret: true, then: thanks}
  thanks: {kind: say, prompt: [{text: 谢谢。}, {read: order, as: order}], then: bye}
  bye: {kind: hangup}
  person: {kind: queue, queue: quiet}
""",
    "ways": """
start: which
human: person
variables: {way: none}
nodes:
  which: {kind: language, prompt: digit_1, keys: {"1": zh, "2": en}, then: who}
  who:
    kind: condition
    cases:
      - {when: {class: vip, calls: "3+", province: 内蒙古}, to: vip}
      - {when: {queue: {name: quiet, ready_below: 1}}, to: nobody}
    else: elsewhere
  vip: {kind: set, values: {way: "vip {name}"}, then: hours}
  nobody: {kind: set, values: {way: nobody}, then: hours}
  elsewhere: {kind: set, values: {way: elsewhere}, then: hours}
  hours: {kind: hours, calendar: never, open: bye, closed: late}
  late: {kind: hours, calendar: always, open: inner, closed: bye}
  inner: {kind: flow, flow: side, then: bye}
  bye: {kind: hangup, prompt: {text: {zh: 再见, en: goodbye now}}}
  person: {kind: queue, queue: quiet}
flows:
  side:
    start: way
    nodes:
      way: {kind: goto, to: told}
      told: {kind: say, prompt: digit_2, then: back}
      back: {kind: return}
""",
    "lookup": """
start: order
human: person
nodes:
  order: {kind: collect, prompt: digit_1, into: order, max: 6, then: look}
  look:
    kind: lookup
    lookup: orders
    send: {order: "{order}"}
    keep: {state: order.state, price: order.price}
    found: found
    not_found: missing
    failed: broken
    timeout_s: 3
  found: {kind: say, prompt: {read: price, as: amount}, then: bye}
  missing: {kind: say, prompt: digit_2, then: bye}
  broken: {kind: say, prompt: digit_3, then: bye}
  bye: {kind: hangup}
  person: {kind: queue, queue: quiet}
""",
    "queue": """
start: line
human: line
nodes:
  line:
    kind: queue
    queue: quiet
    max_waiting: 1
    announce: {every_s: 10, position: true, wait: true}
    keys: {"1": offer, "2": message}
    on_overflow: full
  full: {kind: hangup, prompt: queue_full}
  offer: {kind: return_call, prompt: digit_1, number_prompt: digit_2, before: digit_3, after: digit_4, promised: digit_5,
          declined: line, then: bye}
  message: {kind: voicemail, prompt: digit_6, saved: digit_7, then: bye}
  bye: {kind: hangup}
""",
    "extension": """
start: notice
human: person
nodes:
  notice: {kind: say, prompt: digit_0, notice: true, then: extension}
  extension: {kind: extension, prompt: digit_1, no_match: {prompt: digit_2}, not_there: {prompt: digit_3, limit: 1, to: away}}
  away: {kind: transfer, number: "13912345678", prompt: digit_4, failed: bye}
  bye: {kind: hangup, prompt: digit_5}
  person: {kind: queue, queue: quiet}
""",
    "rated": """
start: notice
after_talk: rate
nodes:
  notice: {kind: say, prompt: digit_1, notice: true, decline: {key: "9", prompt: digit_2}, then: line}
  line: {kind: queue, queue: rated}
  rate: {kind: rating, thanks: digit_3}
""",
}
NUMBERS = {name: f"41{index:02}" for index, name in enumerate(MENUS)}
SECRET = "Bearer hush-hush"


@dataclass
class Crm:
    """The company's own system: orders by number, over real HTTP."""

    port: int = 0
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Request line, Authorization, what was sent."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                sent = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.asked.append((first, headers.get("authorization", ""), sent))
                if sent["order"] == "333":
                    await reader.read()  # for ever: no answer
                    return
                status, answer = ("200 OK", {"order": {"state": "shipped", "price": 123.50}})
                if sent["order"] != "111":
                    status, answer = "404 Not Found", {}
                body = json.dumps(answer).replace("123.5", "123.50").encode()
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


@dataclass
class Company:
    """A running hotline with all that it speaks to."""

    site: Site
    crm: Crm
    operator: ScriptedPhone

    def tell(self, number: str, **known: str) -> None:
        """What is known of a customer, as other rooms write it."""
        with contextlib.closing(connect_sync(EmbeddedRedis(self.site.data_dir).foreign_url)) as redis:
            for name, value in known.items():
                redis.hset(f"{{hotline}}:caller:{number}", name, value)

    async def cleared(self) -> None:
        """Site.cleared()."""
        await self.site.cleared()

    async def row(self, caller: str) -> dict[str, object]:
        """The one call of this number, once it is over and in the books."""

        def found() -> list[dict[str, object]]:
            return [row for row in self.site.calls() if row["caller"] == caller and row["ended_at"] is not None]

        [row] = await self.site.until_some(found, 1, f"ended calls of {caller}")
        return row

    def data(self, row: dict[str, object], kind: str) -> list[dict[str, Any]]:
        """What the call's events of a type say, in order."""
        return [json.loads(event["data"]) for event in self._events(row) if event["type"] == kind]

    def kinds(self, row: dict[str, object], *wanted: str) -> list[str]:
        """The call's events of these types, in order."""
        return [event["type"] for event in self._events(row) if event["type"] in wanted]

    def everything(self, row: dict[str, object]) -> str:
        """All that the books hold of the call."""
        return repr([row, self._events(row)])

    def logs(self) -> str:
        """All that the hotline has logged."""
        return "".join(path.read_text(encoding="utf-8") for path in (self.site.data_dir / "log").glob("*.log"))

    def _events(self, row: dict[str, object]) -> list[dict[str, Any]]:
        wanted = call_event.c.subject == row["call_id"]
        return self.site._rows(select(call_event).where(wanted).order_by(call_event.c.seq))


def settings(directory: Path, crm_port: int, operator_port: int) -> str:
    """The rest of hotline.toml, and the menus' files."""
    text = f"""
[[trunks]]
name = "out"
proxy = "127.0.0.1:{operator_port}"
ping_s = 0
numbers = {{}}
caller_ids = ["4000000000"]
allow_prefixes = ["1"]
[[lookups]]
name = "orders"
url = "http://127.0.0.1:{crm_port}/orders"
secret_header = "Authorization"
secret_file = "secret.txt"
[[calendars]]
name = "always"
week = {{ "mon-sun" = ["00:00-24:00"] }}
country = ""
[[calendars]]
name = "never"
week = {{}}
country = ""
[[queues]]
name = "quiet"
record = false
[[queues]]
name = "rated"
wrap_up_s = 1
"""
    for number, queue in (("1031", "quiet"), ("1032", "rated")):
        text += f'[[seats]]\nnumber = "{number}"\npassword = "pw-{number}"\nqueues = ["{queue}"]\n'
    for name, menu in MENUS.items():
        (directory / f"{name}.yaml").write_text(menu, encoding="utf-8")
        text += f'[[hotlines]]\nname = "{name}"\nmenu = "{directory / f"{name}.yaml"}"\n'
    (directory / "secret.txt").write_text(SECRET + "\n", encoding="utf-8")
    return text


@contextlib.asynccontextmanager
async def company(directory: Path) -> AsyncIterator[Company]:
    """All of it, ended with the block."""
    crm = Crm()
    server = await asyncio.start_server(crm.serve, "127.0.0.1", 0)
    crm.port = server.sockets[0].getsockname()[1]
    try:
        async with ScriptedPhone(server=("127.0.0.1", 5060), user="operator") as operator:
            extra = settings(directory, crm.port, operator.address[1])
            async with running(directory, extra=extra, numbers={number: name for name, number in NUMBERS.items()}) as site:
                yield Company(site, crm, operator)
    finally:
        server.close()
