"""The OpenAPI document is valid, complete, and the one that its parts make."""

import importlib.util
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
    assert any(status.startswith("2") for status in operation["responses"])
    if "/v1/" in name:
        assert {"500", "503"} <= operation["responses"].keys()
    ids = [other["operationId"] for other in OPERATIONS.values()]
    assert ids.count(operation["operationId"]) == 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_are_what_their_schemas_say(name: str) -> None:
    operation = OPERATIONS[name]
    contents = [response.get("content", {}) for response in operation["responses"].values()]
    contents.append(operation.get("requestBody", {}).get("content", {}))
    for content in contents:
        for media in content.values():
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
