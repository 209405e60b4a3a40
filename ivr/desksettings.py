"""What seats choose from on their page, and how long they may write."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ivr.sections import Section


class Reason(Section):
    """One of a list that seats choose from: what is stored, and what people read."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
    zh: Annotated[str, Field(min_length=1, max_length=32)]
    en: Annotated[str, Field(max_length=64)] = ""


def _reasons(*rows: tuple[str, str, str]) -> tuple[Reason, ...]:
    return tuple(Reason(code=code, zh=zh, en=en) for code, zh, en in rows)


class Desks(Section):
    """Seats at work on their page."""

    wrap_up_renew_s: float = Field(default=30.0, ge=5, le=600)
    """While somebody writes of a talk, its wrap-up (整理) goes on for so long after each burst of keys,"""
    wrap_up_max_s: float = Field(default=300.0, ge=5, le=3600)
    """at most so long in all; one that is longer by its queue's wrap_up_s is not shortened."""
    break_reasons: tuple[Reason, ...] = _reasons(
        ("meal", "用餐", "Meal"),
        ("rest", "休息", "Rest"),
        ("meeting", "会议", "Meeting"),
        ("training", "培训", "Training"),
        ("task", "处理事务", "Other work"),
    )
    """Why a break (小休) is taken; none: it isn't asked for."""
    wrap_up_reasons: tuple[Reason, ...] = _reasons(
        ("consultation", "咨询", "Question"),
        ("order", "订单", "Order"),
        ("repair", "报修", "Repair"),
        ("complaint", "投诉", "Complaint"),
        ("suggestion", "建议", "Suggestion"),
        ("wrong", "打错或骚扰", "Wrong number or nuisance"),
        ("other", "其他", "Other"),
    )
    """What a talk was about; none: it isn't asked for."""

    @model_validator(mode="after")
    def _codes(self) -> Desks:
        for key, reasons in (("break_reasons", self.break_reasons), ("wrap_up_reasons", self.wrap_up_reasons)):
            codes = [reason.code for reason in reasons]
            for code in codes:
                if codes.count(code) > 1:
                    raise ValueError(f"desks.{key}: {code!r} stands there twice")
        return self
