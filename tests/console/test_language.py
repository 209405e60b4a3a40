"""Chinese first, English second; and every text has both."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import console
from tests.console.browser import Browser

ROOM = Path(console.__file__).parent
ENGLISH = ROOM / "translations" / "en" / "LC_MESSAGES" / "messages.po"


@pytest.mark.parametrize(
    ("path", "wish", "said"),
    [
        ("/calls/", "", "来电记录"),
        ("/calls/", "de", "来电记录"),
        ("/calls/", "en-GB,en;q=0.9", "Call log"),
        ("/calls/", "zh-CN,zh;q=0.9,en;q=0.8", "来电记录"),
        ("/calls/?lang=en", "zh-CN", "Call log"),
        ("/calls/?lang=zh", "en", "来电记录"),
        ("/calls/?lang=xx", "en", "Call log"),
    ],
)
def test_the_language_of_the_page(client: Browser, path: str, wish: str, said: str) -> None:
    page = client.get(path, headers={"Accept-Language": wish} if wish else {}).get_data(as_text=True)
    assert f"<title>{said}" in page
    assert f'<html lang="{"en" if said == "Call log" else "zh-CN"}">' in page


def test_the_chosen_language_is_remembered(client: Browser) -> None:
    client.get("/calls/?lang=en")
    assert "<title>Call log" in client.get("/calls/", headers={"Accept-Language": "zh"}).get_data(as_text=True)


def context_of(message: Message) -> str | None:
    """Of a compiled one: babel gives it as bytes there."""
    context: object = message.context
    return context.decode() if isinstance(context, bytes) else message.context


def test_the_settings_list_names_what_its_pages_hold(client: Browser) -> None:
    page = client.get("/settings/queues/?lang=en").text
    side = page[page.index('<nav class="side"') : page.index("</nav>", page.index('<nav class="side"'))]
    for said in ("Working hours", "Seats", "Queues", "Trunks", "People", "Block list", "Health", "Change log"):
        assert f">{said}</a>" in side, said
    assert "<h1>Queues</h1>" in page
    chinese = client.get("/settings/queues/?lang=zh").text
    for said in ("坐席", "队列", "线路"):
        assert f">{said}</a>" in chinese, said


def test_chinese_has_chinese_punctuation() -> None:
    """Outside of codes, times and formats: half-width signs stand beside no Chinese character."""
    beside = re.compile(r"[\u4e00-\u9fff”」][,:;!?()]|[,:;!?()][\u4e00-\u9fff“「]")
    with ENGLISH.open("rb") as file:
        texts = {text: "a translated text" for message in read_po(file) if isinstance(text := message.id, str)}
    for path in ROOM.glob("templates/**/*.html"):
        texts |= dict.fromkeys(path.read_text(encoding="utf-8").splitlines(), path.name)
    assert {text: where for text, where in texts.items() if beside.search(text)} == {}


def test_every_text_is_translated_and_compiled() -> None:
    ways = [("**.py", "python"), ("**.html", "jinja2")]
    keywords = {"_": None, "_l": None, "_lp": ((1, "c"), 2), "pgettext": ((1, "c"), 2)}
    found = extract_from_dir(ROOM, method_map=ways, keywords=keywords)
    used = {(context, text) for _, _, text, _, context in found}
    with ENGLISH.open("rb") as file:
        texts = {(message.context, message.id): message.string for message in read_po(file) if message.id}
    assert used == texts.keys()
    assert all(texts.values())
    found_compiled = read_mo(io.BytesIO(ENGLISH.with_suffix(".mo").read_bytes()))
    compiled = {(context_of(message), message.id): message.string for message in found_compiled if message.id}
    assert compiled == texts  # pybabel compile -d console/translations
