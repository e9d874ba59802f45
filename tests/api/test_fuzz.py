"""Whatever arrives, with a token or without: no 5xx but the documented 503s, and every answer is what the document says.

Schemathesis makes the requests from the document, by its schemas and against them; Hypothesis makes those of the signed door.
Everything is derandomized: the same document and code get the same requests. How many there are does not grow with the document,
so that the suite stays short; BST_FUZZ_TIMES=20 makes twenty times as many.
"""

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
import requests
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import frozen
from hypothesis import HealthCheck, core, example, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from hypothesis.strategies._internal import collections
from schemathesis.config import GenerationConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bst_contracts import valid_events
from bst_testing.deliveries import body, paid
from tests.api.harness import ADMIN, DOCUMENT, PATH, Api, running, signed
from tests.servers import PostgresAddress, has_redis

Case = schemathesis.Case[Any]
Operation = schemathesis.APIOperation[Any, Any, Any, Any]


@cache
def operations(caller: str) -> dict[str, Operation]:
    """By method and path. Each caller has its own: Schemathesis remembers in them which methods it has tried."""
    found = [one.ok() for one in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations() if isinstance(one, Ok)]
    assert len(found) == sum(len(methods) for methods in DOCUMENT["paths"].values())
    return {operation.label: operation for operation in found}


MODES = list(schemathesis.GenerationMode)
CONFORMS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
IN = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
CALLERS: Mapping[str, dict[str, str]] = {"nobody": {}, "admin": IN}

TIMES = int(os.environ.get("BST_FUZZ_TIMES", "1"))
#: Shared by all operations of the document, for each caller.
CORNERS = 900 * TIMES // len(operations("nobody"))
EXAMPLES = max(2, 240 * TIMES // len(operations("nobody")))

fuzzing = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40 * TIMES,
    suppress_health_check=list(HealthCheck),
)


@frozen(kw_only=True)
class Fuzzed:
    """A running API that holds a little of everything, and the names of what it holds.

    It runs in a thread of its own: Hypothesis is not asynchronous, and may not be left in the middle of a draw.
    """

    portal: BlockingPortal
    api: Api
    names: Mapping[str, list[str]]

    def send(self, case: Case, caller: str) -> None:
        """As this caller; the client checks the answer against the contract, and Schemathesis once more."""
        made = requests.Request(**case.as_transport_kwargs(base_url="http://core-api")).prepare()
        raw = made.body.encode() if isinstance(made.body, str) else made.body or b""
        assert isinstance(raw, bytes)
        headers = {name: value for name, value in made.headers.items() if name.lower() not in IN} | CALLERS[caller]
        if case.path == PATH and caller == "admin":
            headers |= signed(raw, key=str(uuid4()))
        answer = self.request(str(made.method), str(made.url), raw, headers)
        case.validate_response(answer, checks=CONFORMS)

    def to_the_door(self, raw: bytes, key: str, **changes: str) -> httpx.Response:
        """Signed, whatever it is."""
        return self.request("POST", PATH, raw, signed(raw, key=key, **changes))

    def request(self, method: str, url: str, raw: bytes, headers: Mapping[str, str | bytes]) -> httpx.Response:
        """Exactly these bytes."""

        async def send() -> httpx.Response:
            return await self.api.http.request(
                method, url, content=raw, headers=[(name.encode(), _bytes(value)) for name, value in headers.items()]
            )

        try:
            answer = self.portal.call(send)
            error = answer.json()["error"] if answer.status_code >= 400 else None
            assert answer.status_code < 500 or (error and error["message"] == "INGEST_REPLAY_DISABLED"), answer.text
        except Exception as failure:
            failure.add_note(
                f"sent: {method} {url} {dict(headers)} {raw!r}"
            )  # Schemathesis keeps Hypothesis from telling
            raise
        return answer


@pytest.fixture(scope="module")
def fuzzed(
    postgres_server: PostgresAddress, migrated_template: str, request: pytest.FixtureRequest
) -> Iterator[Fuzzed]:
    """One for all tests here, on real PostgreSQL and, where there is one, Redis: what requests leave behind is part of it."""
    redis_url = str(request.getfixturevalue("redis_server")) if has_redis() else ""
    name = f"bst_fuzz_{uuid4().hex}"
    try:
        dsn = postgres_server.create(name, template=migrated_template)
        with (
            _hypothesis_as_it_was(),
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(running(dsn, redis_url, INGEST_REPLAY_ENABLED="true")) as api,
        ):
            yield Fuzzed(portal=portal, api=api, names=portal.call(_furnish, api))
    finally:
        postgres_server.drop(name)


@contextmanager
def _hypothesis_as_it_was() -> Iterator[None]:
    """Schemathesis changes Hypothesis for good; the other tests of a run shall say with what they failed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "RepresentationPrinter", vars(core)["RepresentationPrinter"])
        for module in (core, engine, collections):
            patch.setattr(module, "BUFFER_SIZE", vars(module)["BUFFER_SIZE"])
        yield


async def _furnish(api: Api) -> dict[str, list[str]]:
    """Bookings, events and dead letters, a product; their names by path parameter."""
    broken = body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-1", "SETTLING"))
    events = await api.accept(body(), broken, *valid_events().values())
    letters = [letter["deadLetterKey"] for letter in await api.data("/v1/ingest/dead-letter")]
    for ref in ("1", "2"):
        doubt = {"entityType": "HOTEL", "channelCode": "GYG", "externalRefKind": "HOTEL_ID", "externalRef": ref}
        wanted = {**doubt, "entityKey": str(uuid4()), "mappingStatus": "UNMAPPED"}
        assert (await api.http.post("/v1/channel-mappings", json=wanted, headers=IN)).status_code == 201
    bookings = [booking["bookingKey"] for booking in await api.data("/v1/ops/bookings")]
    assert letters
    assert bookings
    rates = [{"travelerType": "ADULT", "price": 50, "maxQuantity": 3}]
    ubud = {"slug": "ubud", "name": "Ubud", "variants": [{"code": "A", "name": "A", "rates": rates}]}
    product = (await api.http.post("/v1/catalog/items", json=ubud, headers=IN)).json()["data"]
    [variant] = product["variants"]
    return {
        "item": [product["itemId"]],
        "itemId": [product["itemId"]],
        "variantId": [variant["variantId"]],
        "rateId": [variant["rates"][0]["rateId"]],
        "eventId": events,
        "deadLetterKey": letters,
        "mappingId": [one["mappingId"] for one in await api.data("/v1/channel-mappings")],
        "queueId": [one["queueId"] for one in await api.data("/v1/channel-mappings/unmapped")],
        "status": ["ready", "REPLAYING", "failed", "in_review", "closed"],
        "id": [*bookings, "WEB-1", "DIRECT:WEB-1"],
        "driverId": ["8", "9"],
        "partnerId": ["3"],
        "conflictId": [letters[0]],
        # Turned off, the door would have nothing else to say to the tests of it.
        "name": [name for flag in await api.data("/v1/flags") if (name := flag["name"]) != "INGEST_WEBHOOK_ENABLED"],
    }


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def named(case: Case, names: Mapping[str, list[str]], turn: int) -> Case:
    """The same about something that is there: names that are made up are seldom found."""
    case.path_parameters = {
        name: names[name][turn % len(names[name])] if name in names else value
        for name, value in case.path_parameters.items()
    }
    return case


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", operations("nobody"))
def test_the_corners_of_every_schema(operation: str, caller: str, fuzzed: Fuzzed) -> None:
    """Each limit, type and member that the document names, met and missed, and methods that it does not name."""
    made = operations(caller)[operation]
    found = made.schema.iter_coverage_cases(made, generation_modes=MODES, generation_config=GenerationConfig())
    # A stranger is turned away whatever is asked, where it is not open to him; and then there is little to ask.
    for turn, case in enumerate(some(list(found), CORNERS if caller == "admin" else CORNERS // 4)):
        fuzzed.send(case, caller)
        if caller == "admin" and case.path_parameters:
            fuzzed.send(named(case, fuzzed.names, turn), caller)


def some(cases: list[Case], most: int) -> list[Case]:
    """So many of them, evenly from the first to the last: they come in groups, by parameter and by what is wrong."""
    return cases if len(cases) <= most else [cases[len(cases) * place // most] for place in range(most)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method.upper(), path)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if method != "get" and "requestBody" not in operation
    ],
)
def test_an_operation_without_a_body_reads_none(method: str, path: str, fuzzed: Fuzzed) -> None:
    """One that takes members of a body, and does not say so, would stumble over this."""
    for part in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{part}}}", fuzzed.names.get(part, [str(uuid4())])[0])
    answer = fuzzed.request(method, path, b"[]", IN)  # JSON it must be: what is none is refused everywhere
    assert answer.status_code < 400 or answer.json()["error"]["message"] != "INVALID_BODY"


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", operations("nobody"))
@settings(fuzzing, max_examples=EXAMPLES)
@given(data=st.data())
def test_anything_goes(operation: str, caller: str, fuzzed: Fuzzed, data: st.DataObject) -> None:
    """What the schemas allow and what they do not, at random."""
    case = data.draw(operations(caller)[operation].as_strategy(data.draw(st.sampled_from(MODES))))
    if data.draw(st.booleans()):
        case = named(case, fuzzed.names, data.draw(st.integers(0, 20)))
    fuzzed.send(case, caller)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
#: What may stand in the place of a value and pass for one.
alike: Mapping[type, st.SearchStrategy[Any]] = {
    str: st.text(max_size=300) | st.datetimes(timezones=st.just(UTC)).map(str) | st.dates().map(str) | st.just("0e0"),
    int: st.integers(-1, 10) | st.integers() | st.floats(),
    float: st.floats() | st.decimals(allow_nan=False, places=2).map(float),
}


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid event with members taken away, replaced or added, at any depth."""
    event = deepcopy(draw(st.sampled_from(list(valid_events().values()))))
    event["externalBookingRef"] = draw(st.sampled_from(["WEB-1", "FUZZ-1"]) | st.text(min_size=1, max_size=130))
    for _ in range(draw(st.integers(0, 3))):
        place = event
        while inner := [value for value in place.values() if isinstance(value, dict) and value]:
            if not draw(st.integers(0, 4)):
                break
            place = draw(st.sampled_from(inner))
        member = draw(st.sampled_from([*place, "another"]))
        old = place.pop(member, None)
        if draw(st.integers(0, 4)):
            place[member] = draw(alike.get(type(old), json_values) | json_values)
        if not place:
            break
    return json.dumps(event, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


raw_bodies = st.one_of(
    *[mutated()] * 4, json_values.map(lambda value: json.dumps(value).encode()), st.binary(max_size=300)
)
#: Every byte that a header may bring, and some that servers stop.
latin_1 = st.text(st.characters(max_codepoint=255), max_size=140)
#: Digits only in the eyes of Unicode are among them, and more of them than Python makes an integer of.
TOO_MANY_DIGITS = "9" * 5000
numerals = st.text("0129²¼", max_size=20) | st.just(TOO_MANY_DIGITS)
headers = {
    **dict.fromkeys(("x-nonce", "x-timestamp", "x-signature-algorithm", "x-signature", "authorization"), latin_1),
    **dict.fromkeys(("content-type", "x-request-id", "x-actor", "x-admin-role", "another"), latin_1),
    "content-length": numerals,
}
said = st.sampled_from(sorted(headers)).flatmap(lambda name: st.tuples(st.just(name), headers[name]))
some_headers = st.lists(said, min_size=1, max_size=3).map(dict)


@fuzzing
@given(raw=raw_bodies, key=st.none() | st.none() | st.sampled_from(["key-1", "key-2"]))
def test_the_door_answers_every_signed_body(raw: bytes, key: str | None, fuzzed: Fuzzed) -> None:
    """Under a key of its own, or of another body."""
    answer = fuzzed.to_the_door(raw, key or str(uuid4()))
    assert answer.status_code in {202, 400, 409}, answer.text


@fuzzing
@given(raw=raw_bodies, key=st.one_of(latin_1, *[st.uuids().map(str)] * 3), changes=some_headers)
@example(raw=b"{}", key="key-1", changes={"content-length": "²"})
@example(raw=b"{}", key="key-1", changes={"content-length": TOO_MANY_DIGITS})
def test_the_door_answers_every_header(raw: bytes, key: str, changes: dict[str, str], fuzzed: Fuzzed) -> None:
    answer = fuzzed.to_the_door(raw, key, **{name.replace("-", "_"): value for name, value in changes.items()})
    assert answer.status_code in {202, 400, 401, 409, 413}, answer.text


@fuzzing
@given(raw=raw_bodies, changes=some_headers)
@example(raw=b"{}", changes={"content-length": "²"})
@example(raw=b"{}", changes={"content-length": TOO_MANY_DIGITS})
@example(raw=b"{}", changes={"x-actor": "\x00"})
def test_the_desk_answers_every_header(raw: bytes, changes: dict[str, str], fuzzed: Fuzzed) -> None:
    """The other routes that read a body, and write down who sent it."""
    for sent in (raw, b'{"reasonCode": "FUZZED"}'):
        answer = fuzzed.request("POST", f"{PATH}/{fuzzed.names['eventId'][0]}/fail", sent, {**IN, **changes})
        assert answer.status_code in {202, 400, 401, 403, 413}, answer.text


#: From the first moment that there is to the last, in any zone: some have no name in UTC.
moments = st.builds(
    lambda at, minutes: at.replace(tzinfo=timezone(timedelta(minutes=minutes))).isoformat(),
    st.datetimes() | st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]),
    st.integers(-1439, 1439),
)
keys = st.uuids().map(str) | json_values
positions = st.one_of(
    st.tuples(moments | json_values, keys), st.tuples(moments | json_values, st.integers(0, 5) | json_values, keys)
).map(lambda position: base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("="))
any_text = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize(
    "path", [path for path, found in DOCUMENT["paths"].items() if "cursor" in str(found.get("get"))]
)
@fuzzing
@given(
    query=st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("from", "to", "dateFrom", "dateTo"), moments | st.dates().map(str) | any_text),
            **dict.fromkeys(("q", "ref", "actor", "reasonCode", "resourceId"), any_text),
            "cursor": positions | any_text,
            "limit": st.sampled_from(["nan", "inf", "-1e400", "1e3", "²", "0x10", "1_0"]) | st.integers().map(str),
        },
    )
)
def test_lists_answer_every_query(path: str, query: dict[str, str], fuzzed: Fuzzed) -> None:
    url = httpx.URL(path.replace("{id}", "WEB-1"), params=query)
    answer = fuzzed.request("GET", str(url), b"", IN)
    assert answer.status_code in {200, 400}, answer.text


def test_what_was_accepted_is_shown_as_the_document_says(fuzzed: Fuzzed) -> None:
    """Last of all: the worker's part, then everything that it made of what the tests above sent, whichever of them ran here."""
    assert fuzzed.to_the_door(json.dumps(body(ref="LAST-1")).encode(), "last-1").status_code == 202
    fuzzed.portal.call(fuzzed.api.process)

    def all_of(path: str, name: str, limit: str = "200") -> list[str]:
        found: list[str] = []
        query: dict[str, str] = {"limit": limit}
        while True:
            answer = fuzzed.portal.call(partial(fuzzed.api.get, path, **query)).json()
            found += [one[name] for one in answer["data"]]
            if answer["meta"]["nextCursor"] is None:
                return found
            query["cursor"] = answer["meta"]["nextCursor"]

    all_of("/v1/audit/events", "eventId")
    all_of("/v1/channel-mappings", "mappingId")
    all_of("/v1/channel-mappings/unmapped", "queueId")
    all_of("/v1/ingest/dead-letter", "deadLetterKey")
    assert len(all_of("/v1/ingest/events", "eventId", "50")) > len(fuzzed.names["eventId"])
    for key in all_of("/v1/ops/bookings", "bookingKey"):
        fuzzed.portal.call(fuzzed.api.data, f"/v1/ops/bookings/{key}")
        all_of(f"/v1/ops/bookings/{key}/timeline", "id")
