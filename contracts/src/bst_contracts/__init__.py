"""The wire of BST as data: schemas, the OpenAPI document, signing vectors and examples, with a loader for each."""

import json
from importlib.resources import files
from typing import Any

_HERE = files(__name__)


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of what is served."""
    return _object("openapi.json")


def event_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of BookingIngestEventV1."""
    return _object("booking-ingest-event-v1.schema.json")


def signing_vectors() -> list[dict[str, Any]]:
    """Requests to accept and to refuse; ``code`` is what ``error.message`` says."""
    vectors: list[dict[str, Any]] = json.loads(_HERE.joinpath("signing-vectors.json").read_text("utf-8"))
    return vectors


def valid_events() -> dict[str, Any]:
    """Bodies to accept, by name."""
    return _folder("valid")


def invalid_events() -> dict[str, Any]:
    """Bodies to refuse, by name: ``body`` or ``rawBody``, ``message``, ``errors``, and whether JSON Schema cannot say it."""
    return _folder("invalid")


def _object(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(_HERE.joinpath(name).read_text("utf-8"))
    return value


def _folder(kind: str) -> dict[str, Any]:
    folder = _HERE.joinpath("examples", kind)
    found = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return {entry.name.removesuffix(".json"): json.loads(entry.read_text("utf-8")) for entry in found}
