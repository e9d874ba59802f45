"""Schema, examples and code say the same of an event."""

from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bst_contracts import event_schema, invalid_events, valid_events
from bst_domain.ingest import BookingEvent, InvalidJson, canonical_text, decode, parse_event

NOW = datetime(2026, 6, 1, tzinfo=UTC)
VALID, INVALID = valid_events(), invalid_events()
SCHEMA = Draft202012Validator(event_schema())


def verdict(raw: bytes) -> list[tuple[str, str]]:
    """What the code finds wrong, as (path, code)."""
    body = decode(raw)
    if isinstance(body, InvalidJson):
        return [("", "INVALID_JSON")]
    event = parse_event(body, now=NOW)
    return [] if isinstance(event, BookingEvent) else [(problem.path, problem.code) for problem in event]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(event_schema())


@pytest.mark.parametrize("name", VALID)
def test_valid_examples_are_valid(name: str) -> None:
    SCHEMA.validate(VALID[name])
    assert verdict(canonical_text(VALID[name]).encode()) == []


@pytest.mark.parametrize("name", INVALID)
def test_invalid_examples_are_refused_with_every_problem_in_order(name: str) -> None:
    example: dict[str, Any] = INVALID[name]
    raw = example["rawBody"] if "rawBody" in example else canonical_text(example["body"])
    assert verdict(raw.encode()) == [(error["path"], error["code"]) for error in example["errors"]]
    assert example["message"] == example["errors"][0]["code"]


@pytest.mark.parametrize("name", [name for name, example in INVALID.items() if "body" in example])
def test_the_schema_refuses_what_it_can_express(name: str) -> None:
    assert SCHEMA.is_valid(INVALID[name]["body"]) == INVALID[name]["beyondSchema"]
