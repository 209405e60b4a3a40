"""The API: its document, its shapes, its problems, by session and by token."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from console import accounts, sessions
from console.changes import SYSTEM
from routing.seats import SeatProfile
from routing.store import Store
from storage.journal import Journal
from tests.console.browser import Browser
from tests.console.conftest import Browse, Tell


class Program:
    """Works by a token."""

    def __init__(self, browser: Browser, engine: Engine, login: str) -> None:
        key = sessions.make_token(engine, accounts.find(engine, login), "test", SYSTEM, time.time())
        self._browser = browser
        self._headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **query: Any) -> TestResponse:
        return self._browser.get(f"/api/v1{path}", headers=self._headers, query_string=query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> TestResponse:
        return self._browser.post(f"/api/v1{path}", headers=self._headers, json=body)


@pytest.fixture
def wang(browse: Browse, engine: Engine) -> Program:
    return Program(browse(), engine, "wang")


@pytest.fixture
def zhao(browse: Browse, engine: Engine) -> Program:
    return Program(browse(), engine, "zhao")


def test_the_document_names_every_path_and_its_problems(browse: Browse) -> None:
    answer = browse().get("/api/v1/openapi.json")
    document = answer.get_json()
    assert document["openapi"].startswith("3.1")
    assert {path.removeprefix("/api/v1") for path in document["paths"]} == {
        "/me",
        "/health",
        "/health/processes",
        "/return-calls",
        "/return-calls/balance",
        "/return-calls/{id}",
        *(f"/return-calls/{{id}}/{act}" for act in ("claim", "release", "hand-over", "settle", "waive")),
        *("/calls", "/calls.csv", "/calls.xlsx", "/calls/{call_id}", "/calls/{call_id}/messages/{take}"),
        *("/calls/{call_id}/recordings/{take}", "/calls/{call_id}/recordings/{take}/levels"),
        "/seats",
        "/seats/{number}/off",
        "/queues",
        "/figures",
        *(f"/my/{name}" for name in ("seat", "reasons", "status", "dial", "wrap-ups/{call_id}")),
        *(f"/my/wrap-ups/{{call_id}}/{act}" for act in ("finish", "leave")),
        "/calendars",
        *(f"/calendars/{{name}}{part}" for part in ("", "/week", "/days/{day}")),
        "/settings/queues",
        "/settings/queues/{name}",
        "/settings/seats",
        "/settings/seats/{number}",
        "/trunks",
        "/menus",
        "/menus/{hotline}",
        *(f"/menus/{{hotline}}/{act}" for act in ("check", "draft", "publish", "versions", "diff", "rollback", "simulate")),
        "/menus/{hotline}/versions/{version}",
        "/prompts",
        "/prompts/{language}/{name}",
        "/sound",
    }
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["security"] == [{"token": []}, {"session": []}]
            for status, response in operation["responses"].items():
                if not status.startswith("2"):
                    assert response["content"] == {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }
                elif status == "200" and "application/json" in response["content"]:
                    name = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                    assert name in schemas
    assert {"Problem", "ReturnCall", "Call", "Seat", "Queue"} <= schemas.keys()
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}


def test_a_return_call_by_program(wang: Program, zhao: Program, owed: int) -> None:
    [row] = wang.get("/return-calls").get_json()["return_calls"]
    assert (row["id"], row["state"], row["number"], row["overdue"]) == (owed, "open", "13912345678", True)
    assert wang.post(f"/return-calls/{owed}/claim").get_json()["return_call"]["owner"] == "wang"
    refused = zhao.post(f"/return-calls/{owed}/claim")
    assert (refused.status_code, refused.mimetype) == (409, "application/problem+json")
    assert refused.get_json()["type"] == "/api/v1/problems#AlreadyClaimed"
    assert refused.get_json()["status"] == 409
    tried = wang.post(f"/return-calls/{owed}/settle", {"outcome": "no_answer"}).get_json()["return_call"]
    assert tried["next_at"] == tried["deadline"] > time.time()
    assert wang.post(f"/return-calls/{owed}/waive", {"reason": "x"}).status_code == 403
    assert zhao.post(f"/return-calls/{owed}/hand-over", {"to": "nobody"}).status_code == 409
    assert zhao.post(f"/return-calls/{owed}/hand-over", {"to": "li"}).get_json()["return_call"]["owner"] == "li"
    assert wang.post(f"/return-calls/{owed}/release").status_code == 409
    assert zhao.post(f"/return-calls/{owed}/release").get_json()["return_call"]["state"] == "open"
    done = zhao.post(f"/return-calls/{owed}/waive", {"reason": "重复"}).get_json()
    assert done["return_call"]["waive_reason"] == "重复"
    assert [line["what"] for line in done["ledger"]] == ["opened", "claimed", "result", "handed_over", "released", "waived"]
    assert done["calls"] == ["c1"]
    assert wang.get("/return-calls").get_json() == {"return_calls": []}
    assert [row["id"] for row in wang.get("/return-calls", done="true").get_json()["return_calls"]] == [owed]
    balance = {"opened": 1, "open": 0, "closed": 0, "waived": 1, "ok": True}
    assert wang.get("/return-calls/balance").get_json() == balance


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        ("/settle", {"outcome": "burnt"}, ["outcome"]),
        ("/settle", {}, ["outcome"]),
        ("/settle", {"outcome": "reached", "more": 1}, ["more"]),
        ("/settle", {"outcome": "reached", "note": "x" * 501}, ["note"]),
        ("/hand-over", {"to": 5}, ["to"]),
    ],
)
def test_what_doesn_t_fit_is_told_where(wang: Program, owed: int, path: str, body: dict[str, Any], at: list[str]) -> None:
    answer = wang.post(f"/return-calls/{owed}{path}", body)
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype, problem["type"]) == (
        422,
        "application/problem+json",
        "/api/v1/problems#invalid",
    )
    assert [error["at"] for error in problem["errors"]] == [at]


def test_problems(wang: Program, zhao: Program, browse: Browse, owed: int) -> None:
    for answer, status in (
        (browse().get("/api/v1/me"), 401),
        (wang.get("/calls"), 403),
        (wang.get("/return-calls/999"), 404),
        (wang.get("/nowhere"), 404),
        (wang.get("/calls/nobody"), 404),
        (zhao.get("/calls", limit="many"), 422),
        (zhao.get("/calls", number="x'"), 422),
        (wang.post("/me"), 405),
    ):
        problem = answer.get_json()
        assert (answer.status_code, answer.mimetype, problem["status"]) == (status, "application/problem+json", status)
        assert problem["title"]


def test_calls(wang: Program, zhao: Program, owed: int, tell: Tell) -> None:
    tell("c2", ("arrived", 1795053600.0, {}), ("menu", 1795053601.0, {"node": "main"}), caller="04714613311")
    found = zhao.get("/calls").get_json()
    assert (found["total"], [call["call_id"] for call in found["calls"]]) == (2, ["c2", "c1"])
    assert found["calls"][1]["outcome"] == "missed"
    assert found["calls"][1]["return_call_id"] == owed
    assert zhao.get("/calls", outcome="missed", number="+86 139 1234 5678").get_json()["total"] == 1
    assert zhao.get("/calls", since=1795053600.0).get_json()["total"] == 1
    one = wang.get("/calls/c1").get_json()
    assert [event["type"] for event in one["events"]] == ["arrived", "queued", "ended"]


async def test_seats_queues_and_health(
    zhao: Program, wang: Program, redis: AsyncRedis, redis_sync: Redis, tmp_path: Any
) -> None:
    store = Store(redis, node="n1", journal=Journal(tmp_path / "journal"))
    await store.start()
    await store.set_seats([SeatProfile("1026", "小王", ("service",))])
    await store.set_status("1026", "ready")
    [seat] = zhao.get("/seats").get_json()["seats"]
    assert (seat["number"], seat["status"], seat["registered"]) == ("1026", "ready", False)
    assert zhao.post("/seats/1026/off").status_code == 204
    assert zhao.get("/seats").get_json()["seats"][0]["status"] == "off"
    assert zhao.post("/seats/9999/off").status_code == 404
    assert zhao.get("/queues").get_json()["queues"] == [{"name": "service", "seats": 1, "ready": 0, "waiting": []}]
    assert wang.get("/health").get_json() == {"redis": True, "scribe": False, "sql": True}
