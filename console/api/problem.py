"""[io] What a program is told when something is wrong: application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Response, current_app
from pydantic import BaseModel, Field, ValidationError

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """RFC 9457. `type` is about:blank unless there is more to say than the status does; then it is a relative URI reference."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[dict[str, Any]] | None = Field(default=None, description="Of a request that doesn't fit: where and what")


def answer(status: int, detail: str | None = None, *, kind: str = "", errors: list[dict[str, Any]] | None = None) -> Response:
    """The response. `kind`: what is wrong, in one word, where a program may want to tell it from others of this status."""
    problem = Problem(
        type=f"/api/v1/problems#{kind}" if kind else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=errors,
    )
    return Response(problem.model_dump_json(exclude_none=True), status, mimetype=MEDIA_TYPE)


def invalid(error: ValidationError) -> Response:
    """422: the request doesn't fit the schema."""
    found = [{"at": [str(part) for part in one["loc"]], "what": one["msg"]} for one in error.errors(include_url=False)]
    return answer(422, "the request does not fit the schema", kind="invalid", errors=found)


def document() -> dict[str, Any]:
    """The OpenAPI document of the present application, told that errors are problems."""
    spec: dict[str, Any] = json.loads(json.dumps(current_app.api_doc))  # type: ignore[attr-defined]
    for operations in spec["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if not status.startswith("2"):
                    response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    spec["components"]["schemas"].pop("ValidationErrorModel", None)
    return spec
