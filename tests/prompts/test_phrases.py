"""Sentences with values in them: the prompts that are played, all there in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from prompts import PATH
from prompts.build import read_texts
from prompts.catalogue import Catalogue
from prompts.phrases import Names, callback_number, entered, queue_position, queue_wait, reopens
from prompts.reading import LANGUAGES

TEXTS: Mapping[str, Mapping[str, str]] = {
    language: {name: text for name, (text, _) in read_texts(PATH / language / "texts.yaml", language).items()}
    for language in LANGUAGES
}


def said(names: Names, language: str) -> str:
    Catalogue(language, PATH).paths(names)
    words = [TEXTS[language].get(name, ",") for name in names]
    return "".join(words).replace(",", "，") if language == "zh" else " ".join(words).replace(" ,", ",")


TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("names", "language", "sentence"),
    [
        (queue_position(0, "zh"), "zh", "您是下一位，请耐心等待。"),
        (queue_position(1, "zh"), "zh", "您前面还有一位来电者，请耐心等待。"),
        (queue_position(2, "zh"), "zh", "您前面还有两位来电者，请耐心等待。"),
        (queue_position(12, "zh"), "zh", "您前面还有十二位来电者，请耐心等待。"),
        (queue_position(1, "en"), "en", "There is one caller ahead of you. Please hold the line."),
        (queue_position(3, "en"), "en", "There are three callers ahead of you. Please hold the line."),
        (queue_wait(150.4, "zh"), "zh", "预计等待时间大约三分钟"),
        (queue_wait(20, "zh"), "zh", "预计等待时间不到一分钟"),
        (queue_wait(-1, "en"), "en", "Your waiting time is less than a minute"),
        (
            callback_number("13912345678", "zh"),
            "zh",
            "我们将拨打幺三九，幺二三四，五六七八，号码正确请按一，使用其他号码请按二。",
        ),
        (entered("order", "A12", "zh"), "zh", "您输入的是A，幺二，正确请按一，重新输入请按二。"),
        (
            entered("amount", "2.5", "en"),
            "en",
            "You entered two point five yuan, If this is right, press one. To enter it again, press two.",
        ),
        (reopens(date(2026, 12, 1), "09:00", "zh", TODAY), "zh", "我们的下次服务时间是明天上午九点"),
        (reopens(date(2026, 12, 3), "13:30", "en", TODAY), "en", "We will be open again December third one thirty p.m."),
    ],
)
def test_sentences(names: Names, language: str, sentence: str) -> None:
    assert said(names, language) == sentence


def test_what_is_no_number_is_told() -> None:
    with pytest.raises(ValueError, match="phone 'anonymous' can't be read"):
        callback_number("anonymous", "zh")


def test_both_languages_have_the_same_sentences() -> None:
    words = ("digit_", "num_", "ordinal_", "month_", "date_", "time_", "unit_", "money_")
    chinese, english = ({name for name in TEXTS[language] if not name.startswith(words)} for language in LANGUAGES)
    assert chinese == english
