"""Sentences with a value in them, as names of prompts to play one after the other. Pure."""

from __future__ import annotations

from datetime import date

from prompts.reading import Kind, clips, read

PAUSE = "pause"

Names = tuple[str, ...]


def queue_position(ahead: int, language: str) -> Names:
    """您前面还有三位来电者. ahead: how many wait before this caller, from 0."""
    if ahead == 0:
        return ("queue_next",)
    if ahead == 1:
        return ("queue_ahead_one",)
    return ("queue_ahead", *clips(read("count", str(ahead), language)), "queue_ahead_callers")


def queue_wait(seconds: float, language: str) -> Names:
    """预计等待时间大约三分钟."""
    return ("queue_wait", *clips(read("wait", str(max(0, round(seconds))), language)))


def callback_number(number: str, language: str) -> Names:
    """我们将拨打幺三九…, 号码正确请按一. Raises ValueError for what is no telephone number."""
    return ("callback_number", *clips(read("phone", number, language)), PAUSE, "callback_confirm")


def entered(kind: Kind, value: str, language: str) -> Names:
    """您输入的是…, 正确请按一. Raises ValueError where the value is none of that kind."""
    return ("collect_entered", *clips(read(kind, value, language)), PAUSE, "collect_confirm")


def reopens(day: date, time: str, language: str, today: date) -> Names:
    """我们的下次服务时间是明天上午九点. time: as 09:00."""
    words = (*read("date", day.isoformat(), language, today=today), *read("time", time, language))
    return ("closed_reopens", *clips(words))
