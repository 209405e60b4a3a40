from __future__ import annotations

import asyncio

from ivr.inbox import Inbox


async def test_all_that_waits_is_taken_in_order_up_to_the_limit() -> None:
    inbox = Inbox[int]()
    for number in range(5):
        inbox.put(number)
    assert await inbox.take(3) == [0, 1, 2]
    inbox.put(5)
    assert await inbox.take(3) == [3, 4, 5]


async def test_who_finds_nothing_waits_until_something_comes() -> None:
    inbox = Inbox[str]()
    taking = asyncio.ensure_future(inbox.take(9))
    await asyncio.sleep(0)
    assert not taking.done()
    inbox.put("a")
    inbox.put("b")  # before the task had its turn
    assert await taking == ["a", "b"]


async def test_what_comes_after_a_taker_was_cancelled_is_the_next_one_s() -> None:
    inbox = Inbox[str]()
    taking = asyncio.ensure_future(inbox.take(9))
    await asyncio.sleep(0)
    taking.cancel()
    await asyncio.wait([taking])
    inbox.put("a")
    assert await inbox.take(9) == ["a"]
