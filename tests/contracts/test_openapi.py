"""The OpenAPI document is valid, complete, and the one that its parts make."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from bst_contracts import openapi
from bst_domain.booking import Reason
from bst_domain.values import FulfilmentStatus, PaymentStatus

DOCUMENT = openapi()
ROOT = Path(__file__).parents[2]


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


OPERATIONS = dict(operations())


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_checked_in_document_is_what_its_parts_make() -> None:
    spec = importlib.util.spec_from_file_location("contracts_build", ROOT / "contracts" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    checked_in = (ROOT / "contracts/src/bst_contracts/openapi.json").read_text("utf-8")
    assert checked_in == build.rendered(), "run `python contracts/build.py` and commit the result"


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_what_it_does_and_what_can_go_wrong(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["description"]
    assert {*operation["tags"]} <= {tag["name"] for tag in DOCUMENT["tags"]}
    assert any(status.startswith("2") for status in operation["responses"])
    assert all(answer.get("description") for answer in operation["responses"].values() if "$ref" not in answer)
    assert refusals_missing(name, operation) == set()


def refusals_missing(name: str, operation: dict[str, Any]) -> set[str]:
    """Statuses that such an operation may answer, and does not name. Whatever is asked too often or too long is told so."""
    missing = {"414", "429", "431"}
    if "/v1/" in name:
        missing |= {"500", "503"}
    if any("adminToken" in one for one in operation["security"]) and {} not in operation["security"]:
        missing |= {"401", "403"}
    if "requestBody" in operation:
        missing |= {"400", "413"}
    if "{" in name and not name.startswith("PUT "):  # what is put may be new
        missing |= {"404"}
    return {status for status in missing if status not in operation["responses"]}


def test_an_operation_that_forgets_a_refusal_is_found() -> None:
    forgetful = {"security": [{"adminToken": []}], "requestBody": {}, "responses": {"200": {}}}
    assert refusals_missing("PATCH /v1/flags/{name}", forgetful) >= {
        "400",
        "401",
        "403",
        "404",
        "413",
        "429",
        "500",
        "503",
    }


def test_every_operation_has_a_name_that_a_client_can_have() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if re.fullmatch(r"[a-z][A-Za-z0-9]+", name) is None] == []


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is sent and answered, by media type."""
    for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from holder.get("content", {}).items()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_body_and_answer_has_a_schema_and_an_example(name: str) -> None:
    for media_type, media in contents(OPERATIONS[name]):
        assert media["schema"], media_type
        assert "example" in media or media.get("examples"), media_type


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_parameter_is_explained(name: str) -> None:
    operation = OPERATIONS[name]
    for parameter in operation.get("parameters", []):
        assert parameter["description"], parameter["name"]
        assert parameter["schema"], parameter["name"]
    in_path = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", name))


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_are_what_their_schemas_say(name: str) -> None:
    for _, media in contents(OPERATIONS[name]):
        examples = [media["example"]] if "example" in media else []
        examples += [example["value"] for example in media.get("examples", {}).values()]
        for example in examples:
            schema = {**media["schema"], "components": DOCUMENT["components"]}
            Draft202012Validator(schema).validate(example)


def test_the_document_knows_every_status_and_reason() -> None:
    members = DOCUMENT["components"]["schemas"]["OpsBooking"]["properties"]
    assert members["customerPaymentStatus"]["enum"] == [status.value for status in PaymentStatus]
    assert members["opsFulfillmentStatus"]["enum"] == [status.value for status in FulfilmentStatus]
    assert members["statusReasons"]["items"]["enum"] == [reason.value for reason in Reason]
