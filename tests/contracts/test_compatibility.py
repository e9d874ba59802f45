"""What breaks callers is found, what does not is let through, and the version says which it was.

Each case changes the document in one way. The tool that finds differences is a package for Node and takes half a minute, so these
tests are for BST_TEST_WITH_NODE=1 alone, as .ci/run has it.
"""

import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_contracts import openapi

ROOT = Path(__file__).parents[2]
Document = dict[str, Any]
Change = Callable[[Document], None]


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("contract_compatibility", ROOT / "contracts" / "compatibility.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


compatibility = _loaded()
LIST, FLAG, DOOR = "/v1/ops/bookings", "/v1/flags/{name}", "/v1/ingest/bookings/events"
BREAKING: dict[str, Change] = {}
HARMLESS: dict[str, Change] = {}


def breaks(change: Change) -> Change:
    BREAKING[change.__name__] = change
    return change


def harmless(change: Change) -> Change:
    HARMLESS[change.__name__] = change
    return change


def schema_of(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def member(document: Document, name: str) -> Document:
    """Of a booking as it is answered."""
    found: Document = schema_of(document, "OpsBooking")["properties"][name]
    return found


def asked(document: Document, path: str = LIST, method: str = "get") -> Document:
    found: Document = document["paths"][path][method]
    return found


def parameter(document: Document, name: str) -> Document:
    [found] = [one for one in asked(document)["parameters"] if one["name"] == name]
    schema: Document = found["schema"]
    return schema


def sent(document: Document, method: str = "put") -> Document:
    """The body that turns a flag."""
    found: Document = asked(document, FLAG, method)["requestBody"]["content"]["application/json"]["schema"]
    return found


@breaks
def a_path_goes(document: Document) -> None:
    del document["paths"][LIST]


@breaks
def a_method_goes(document: Document) -> None:
    del document["paths"][FLAG]["delete"]


@breaks
def an_operation_gets_another_name(document: Document) -> None:
    asked(document)["operationId"] = "other"


@breaks
def a_parameter_becomes_required(document: Document) -> None:
    asked(document)["parameters"][0]["required"] = True


@breaks
def a_required_parameter_comes(document: Document) -> None:
    asked(document)["parameters"].append({"name": "x", "in": "query", "required": True, "schema": {"type": "string"}})


@breaks
def a_parameter_goes(document: Document) -> None:
    asked(document)["parameters"].pop()


@breaks
def a_parameters_bound_gets_tighter(document: Document) -> None:
    parameter(document, "limit")["maximum"] = 100


@breaks
def a_parameter_loses_a_word(document: Document) -> None:
    parameter(document, "status")["enum"].pop()


@breaks
def a_parameter_gets_a_pattern(document: Document) -> None:
    parameter(document, "q")["pattern"] = "^[a-z]+$"


@breaks
def a_body_must_have_another_member(document: Document) -> None:
    sent(document)["properties"]["more"] = {"type": "string"}
    sent(document)["required"].append("more")


@breaks
def a_body_may_hold_fewer_types(document: Document) -> None:
    sent(document)["properties"]["value"]["type"] = ["string", "number"]


@breaks
def a_bodys_text_gets_shorter(document: Document) -> None:
    sent(document)["properties"]["reason"]["maxLength"] = 100


@breaks
def a_body_becomes_required(document: Document) -> None:
    asked(document, FLAG, "delete")["requestBody"]["required"] = True


@breaks
def an_event_must_have_another_member(document: Document) -> None:
    schema_of(document, "BookingIngestEventV1")["required"].append("raw")


@breaks
def an_answers_member_goes(document: Document) -> None:
    del schema_of(document, "OpsBooking")["properties"]["note"]
    schema_of(document, "OpsBooking")["required"].remove("note")


@breaks
def a_member_of_a_member_goes(document: Document) -> None:
    del schema_of(document, "Contact")["properties"]["phoneE164"]
    schema_of(document, "Contact")["required"].remove("phoneE164")


@breaks
def an_answers_member_may_be_missing(document: Document) -> None:
    schema_of(document, "OpsBooking")["required"].remove("note")


@breaks
def an_answers_member_has_another_type(document: Document) -> None:
    member(document, "adult")["type"] = "string"


@breaks
def an_answers_member_may_be_null(document: Document) -> None:
    member(document, "version")["type"] = ["integer", "null"]


@breaks
def an_answers_member_has_one_more_type(document: Document) -> None:
    member(document, "note")["type"].append("integer")


@breaks
def an_answer_has_a_new_word(document: Document) -> None:
    member(document, "opsFulfillmentStatus")["enum"].append("NEWER")


@breaks
def an_answers_list_holds_something_else(document: Document) -> None:
    member(document, "statusReasons")["items"] = {"type": "integer"}


@breaks
def an_answer_is_written_otherwise(document: Document) -> None:
    member(document, "totalPrice")["pattern"] = r"^\d+$"


@breaks
def an_answer_may_be_written_anyhow(document: Document) -> None:
    del member(document, "bookingKey")["format"]


@breaks
def success_has_another_status(document: Document) -> None:
    answers = asked(document, DOOR, "post")["responses"]
    answers["200"] = answers.pop("202")


@breaks
def success_has_another_type(document: Document) -> None:
    content = asked(document, "/health")["responses"]["200"]["content"]
    content["text/plain"] = content.pop("application/json")


@breaks
def a_token_is_needed(document: Document) -> None:
    asked(document, "/health")["security"] = [{"adminToken": []}]


@harmless
def a_path_comes(document: Document) -> None:
    document["paths"]["/v1/new"] = deepcopy(document["paths"]["/health"])
    document["paths"]["/v1/new"]["get"]["operationId"] = "new"


@harmless
def an_optional_parameter_comes(document: Document) -> None:
    asked(document)["parameters"].append({"name": "x", "in": "query", "required": False, "schema": {"type": "string"}})


@harmless
def a_parameters_bound_gets_wider(document: Document) -> None:
    parameter(document, "limit")["maximum"] = 500


@harmless
def a_parameter_gets_a_word(document: Document) -> None:
    parameter(document, "status")["enum"].append("NEWER")


@harmless
def a_body_may_have_another_member(document: Document) -> None:
    sent(document)["properties"]["type"] = {"type": "string", "pattern": "^a"}


@harmless
def a_body_may_hold_more_types(document: Document) -> None:
    sent(document)["properties"]["value"]["type"].append("null")


@harmless
def an_answer_has_another_member(document: Document) -> None:
    schema_of(document, "OpsBooking")["properties"]["format"] = {"type": "string", "format": "uuid"}
    schema_of(document, "OpsBooking")["required"].append("format")


@harmless
def an_answers_member_is_never_null_again(document: Document) -> None:
    member(document, "note")["type"] = "string"


@harmless
def an_answer_loses_a_word(document: Document) -> None:
    member(document, "opsFulfillmentStatus")["enum"].pop()


@harmless
def an_answer_that_was_to_grow_has_a_new_word(document: Document) -> None:
    member(document, "statusReasons")["items"]["enum"].append("NEWER")


@breaks
def words_that_were_not_to_grow_do(document: Document) -> None:
    member(document, "customerPaymentStatus")["enum"].append("NEWER")
    member(document, "customerPaymentStatus")["x-grows"] = True


@harmless
def an_answer_is_written_more_narrowly(document: Document) -> None:
    member(document, "externalBookingRef")["pattern"] = "^[A-Z0-9]+$"


@harmless
def a_refusal_comes(document: Document) -> None:
    answers = asked(document)["responses"]
    answers["422"] = deepcopy(answers["400"])


@harmless
def a_schema_has_another_name(document: Document) -> None:
    renamed = json.loads(json.dumps(document).replace('schemas/Contact"', 'schemas/Person"'))
    renamed["components"]["schemas"]["Person"] = renamed["components"]["schemas"].pop("Contact")
    document |= renamed


@harmless
def an_operation_is_deprecated(document: Document) -> None:
    asked(document)["deprecated"] = True


@harmless
def words_change(document: Document) -> None:
    asked(document)["description"] = asked(document)["summary"] = "other words"
    document["info"]["title"] = "another"


CASES = BREAKING | HARMLESS


@pytest.fixture(scope="module")
def judged() -> dict[str, list[Any]]:
    """Every case, in one run of the tool."""
    if not os.environ.get("BST_TEST_WITH_NODE"):
        pytest.skip("the tool is for Node: BST_TEST_WITH_NODE=1")
    before = openapi()
    pairs = {}
    for name, change in CASES.items():
        after = deepcopy(before)
        change(after)
        assert after != before, f"{name} changes nothing"
        pairs[name] = (before, after)
    found: dict[str, list[Any]] = compatibility.differences(pairs)
    return found


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_callers_is_found(name: str, judged: dict[str, list[Any]]) -> None:
    assert [one.text for one in judged[name] if one.breaking]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_nobody_is_let_through(name: str, judged: dict[str, list[Any]]) -> None:
    assert [one.text for one in judged[name] if one.breaking] == []


numbers = st.integers(0, 5)
versions = st.builds(compatibility.Version, numbers, numbers, numbers)


@given(last=versions, now=versions, breaking=st.lists(st.booleans(), max_size=3))
def test_the_version_says_what_has_changed(last: Any, now: Any, breaking: list[bool]) -> None:
    """Semver: what breaks callers moves the first number, what is new the second, and nothing goes back."""
    found = [compatibility.Difference(one, "x") for one in breaking]
    wrong = list(compatibility.problems(last, now, found, same=not found))
    enough = now.major > last.major if any(breaking) else now[:2] > last[:2] if breaking else now >= last
    assert (not wrong) == enough


def test_the_released_documents_are_named_after_their_versions() -> None:
    paths = sorted((ROOT / "contracts" / "released").glob("*.json"))
    assert paths
    for path in paths:
        assert path.stem == f"v{json.loads(path.read_text('utf-8'))['info']['version']}"
    last, _ = compatibility.released()
    assert compatibility.Version.of(openapi()["info"]["version"]) >= last


def undated(document: Document) -> list[str]:
    """Deprecated operations of which some answer does not say since when, until when, and what instead."""
    return [
        f"{method} {path} {status}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("deprecated")
        for status, answer in operation["responses"].items()
        if not {"deprecation", "sunset", "link"} <= {name.lower() for name in answer.get("headers", {})}
    ]


def test_a_deprecated_operation_says_since_when_and_until_when() -> None:
    """docs/api-versions.md: RFC 9745 and RFC 8594, in every answer. That answers have the headers that the document names is
    checked by tests/api/test_fuzz.py."""
    document = openapi()
    assert undated(document) == []
    asked(document)["deprecated"] = True
    assert f"get {LIST} 200" in undated(document)


def test_the_policy_names_what_is_there() -> None:
    page = (ROOT / "docs" / "api-versions.md").read_text("utf-8")
    for path in re.findall(r"`((?:contracts|tests)/[\w/.-]+)`", page):
        assert (ROOT / path).exists(), path
