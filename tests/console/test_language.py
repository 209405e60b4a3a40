"""Chinese first, English second; and every text has both."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

import console

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
def test_the_language_of_the_page(client: FlaskClient, path: str, wish: str, said: str) -> None:
    page = client.get(path, headers={"Accept-Language": wish} if wish else {}).get_data(as_text=True)
    assert f"<title>{said}" in page
    assert f'<html lang="{"en" if said == "Call log" else "zh-CN"}">' in page


def test_the_chosen_language_is_remembered(client: FlaskClient) -> None:
    client.get("/calls/?lang=en")
    assert "<title>Call log" in client.get("/calls/", headers={"Accept-Language": "zh"}).get_data(as_text=True)


def test_every_text_is_translated_and_compiled() -> None:
    ways = [("**.py", "python"), ("**.html", "jinja2")]
    used = {found[2] for found in extract_from_dir(ROOM, method_map=ways, keywords={"_": None, "_l": None})}
    with ENGLISH.open("rb") as file:
        texts = {message.id: message.string for message in read_po(file) if message.id}
    assert used == texts.keys()
    assert all(texts.values())
    compiled = {m.id: m.string for m in read_mo(io.BytesIO(ENGLISH.with_suffix(".mo").read_bytes())) if m.id}
    assert compiled == texts  # pybabel compile -d console/translations
