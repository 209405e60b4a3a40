"""[io] What all paths of the API have in common: where they are, who may ask and how, what they answer."""

from __future__ import annotations

from flask import Response
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel

API = "v1"
PATH = f"/api/{API}"

EITHER: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]
FAULTS: ResponseDict = {status: {} for status in ("401", "403", "404", "429", "503")}
"""Of any path. That their content is a Problem, the document is told at its end (problem.document()): to have its schema made
for each path and status took a third of the console's load."""


def shaped(shape: BaseModel) -> Response:
    """JSON of a shape."""
    return Response(shape.model_dump_json(), mimetype="application/json")
