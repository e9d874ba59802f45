"""Channel mappings over HTTP, as callers of the predecessor and an operator use them."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bst_application.ports.mappings import Entity
from bst_testing.deliveries import body
from tests.api.harness import ADMIN, Api
from tests.api.test_repair import act
from tests.postgres.test_storage import add_entity

MAPPINGS = "/v1/channel-mappings"
UNMAPPED = f"{MAPPINGS}/unmapped"


def mapping(**more: Any) -> dict[str, Any]:
    given = {
        "entityType": "hotel",
        "channelCode": "gyg",
        "externalRefKind": "hotel_id",
        "externalRef": " h-1 ",
        "entityKey": str(uuid4()),
    }
    return {name: value for name, value in {**given, **more}.items() if value is not ...}


async def made(api: Api, **more: Any) -> dict[str, Any]:
    answer = await act(api, "POST", MAPPINGS, mapping(**more))
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def book(api: Api, ref: str = "A-1", package: int = 7, source: str = "GYG") -> None:
    part = {"tourDate": "2031-05-01", "adult": 2, "currency": "USD", "totalPrice": 10, "legacyPackageId": package}
    await api.accept(body(ref=ref, source=source, booking=part))


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


def only_winner(answers: list[httpx.Response]) -> dict[str, Any]:
    [data] = [answer.json()["data"] for answer in answers if answer.status_code == 200]
    return dict(data)


async def test_a_mapping_is_made_as_callers_know_it(api: Api) -> None:
    wanted = mapping()
    first = await act(api, "POST", MAPPINGS, wanted)
    assert first.status_code == 201
    data = first.json()["data"]
    assert data == {
        "mappingId": data["mappingId"],
        "entityType": "HOTEL",
        "channelCode": "GYG",
        "externalRefKind": "HOTEL_ID",
        "externalRef": "h-1",
        "entityKey": wanted["entityKey"],
        "mappingStatus": "MAPPED",
    }
    again = await act(api, "POST", MAPPINGS, wanted)
    assert (again.status_code, again.json()["data"]) == (201, data)
    assert await api.data(MAPPINGS) == [data]
    [row] = await api.rows("select source_system, source_table, source_pk from channel_external_refs")
    assert row == ("manual", "manual_mapping", "HOTEL:h-1")


async def test_a_mapping_to_another_entity_is_refused_unless_asked_for(api: Api) -> None:
    first = await made(api)
    other = mapping()
    refused = await act(api, "POST", MAPPINGS, other)
    assert error(refused) == (409, "CHANNEL_MAPPING_DUPLICATE_REF")
    assert refused.json()["error"]["details"]["mapping"] == first
    replaced = await made(api, entityKey=other["entityKey"], replace=True)
    assert replaced == {**first, "entityKey": other["entityKey"]}
    trail = await api.data("/v1/audit/events", resourceType="channel_mapping", resourceId=first["mappingId"])
    assert [entry["eventType"] for entry in trail] == ["CHANNEL_MAPPING_UPDATED", "CHANNEL_MAPPING_CREATED"]
    assert {entry["actor"] for entry in trail} == {"ayu@ops.example.org"}


@pytest.mark.parametrize("status", ["MAPPED", "UNMAPPED", "REVIEW_REQUIRED"])
async def test_a_status_reads_back_as_it_was_written(api: Api, status: str) -> None:
    data = await made(api, mappingStatus=status.lower(), reasonCode="TWO_HOTELS", sourceSystem="sheet")
    assert data["mappingStatus"] == status
    assert [one["mappingStatus"] for one in await api.data(MAPPINGS)] == [status]
    queued = [(one["status"], one["reasonCode"], one["sourceSystem"]) for one in await api.data(UNMAPPED)]
    words = {"MAPPED": [], "UNMAPPED": ["OPEN"], "REVIEW_REQUIRED": ["IN_REVIEW"]}
    assert queued == [(word, "TWO_HOTELS", "sheet") for word in words[status]]


@pytest.mark.parametrize(
    ("more", "message", "path"),
    [
        ({"entityType": ...}, "INVALID_FIELD_ENTITYTYPE", "entityType"),
        ({"entityType": " "}, "EMPTY_FIELD_ENTITYTYPE", "entityType"),
        ({"channelCode": 7}, "INVALID_FIELD_CHANNELCODE", "channelCode"),
        ({"channelCode": "KLOOK"}, "CHANNEL_OR_ENTITY_REFERENCE_INVALID", "channelCode"),
        ({"channelCode": "x" * 33}, "INVALID_FIELD_CHANNELCODE", "channelCode"),
        ({"entityType": "ß" * 32}, "INVALID_FIELD_ENTITYTYPE", "entityType"),
        ({"externalRefKind": "x" * 65}, "INVALID_FIELD_EXTERNALREFKIND", "externalRefKind"),
        ({"externalRef": "x" * 129}, "INVALID_FIELD_EXTERNALREF", "externalRef"),
        ({"externalRef": ""}, "EMPTY_FIELD_EXTERNALREF", "externalRef"),
        ({"entityKey": ...}, "INVALID_FIELD_ENTITYKEY", "entityKey"),
        ({"entityKey": "book_demo_001"}, "INVALID_FIELD_ENTITYKEY", "entityKey"),
        ({"mappingStatus": "FOO"}, "INVALID_MAPPING_STATUS:FOO", "mappingStatus"),
        ({"mappingStatus": 1}, "INVALID_FIELD_MAPPINGSTATUS", "mappingStatus"),
        ({"sourcePk": "x" * 129}, "INVALID_FIELD_SOURCEPK", "sourcePk"),
        ({"replace": "yes"}, "INVALID_FIELD_REPLACE", "replace"),
    ],
)
async def test_a_bad_mapping_is_named(api: Api, more: dict[str, Any], message: str, path: str) -> None:
    answer = await act(api, "POST", MAPPINGS, mapping(**more))
    assert error(answer) == (400, message)
    [wrong] = answer.json()["error"]["details"]["errors"]
    assert (wrong["path"], wrong["code"]) == (path, message)
    assert await api.data(MAPPINGS) == []


async def test_the_longest_reference_fits(api: Api) -> None:
    assert (await made(api, externalRef="x" * 128, entityType="y" * 32))["externalRef"] == "x" * 128


async def test_a_patch_changes_what_it_has(api: Api) -> None:
    data = await made(api)
    path = f"{MAPPINGS}/{data['mappingId']}"
    for nothing in (None, {}, {"externalRef": None}):
        kept = await act(api, "PATCH", path, nothing, content_type="application/json")
        assert (kept.status_code, kept.json()["data"]) == (200, data)
    changed = await act(api, "PATCH", path, {"externalRefKind": "room_id", "mappingStatus": "unmapped"})
    assert changed.status_code == 200
    assert changed.json()["data"] == {**data, "externalRefKind": "ROOM_ID", "mappingStatus": "UNMAPPED"}
    other = await made(api)
    taken = await act(api, "PATCH", path, {"externalRefKind": "hotel_id"})
    assert error(taken) == (409, "CHANNEL_MAPPING_DUPLICATE_REF")
    assert taken.json()["error"]["details"]["mapping"] == other
    for patch, message in (
        ({"entityKey": "book_demo_001"}, "INVALID_FIELD_ENTITYKEY"),
        ({"externalRef": " "}, "EMPTY_FIELD_EXTERNALREF"),
        ({"mappingStatus": "FOO"}, "INVALID_MAPPING_STATUS:FOO"),
        ({"channelCode": "KLOOK"}, "CHANNEL_OR_ENTITY_REFERENCE_INVALID"),
    ):
        assert error(await act(api, "PATCH", path, patch)) == (400, message)
    for missing in (str(uuid4()), "not-a-uuid"):
        answer = await act(api, "PATCH", f"{MAPPINGS}/{missing}", {})
        assert error(answer) == (404, f"Channel mapping not found: {missing}")


async def test_lists_are_filtered_and_paged(api: Api) -> None:
    for number in range(5):
        await made(api, externalRef=str(number), channelCode="GYG" if number % 2 else "BOKUN", mappingStatus="UNMAPPED")
    for path, name in ((MAPPINGS, "mappingId"), (UNMAPPED, "queueId")):
        seen, cursor = [], ""
        while cursor is not None:
            answer = await api.get(path, limit="2", cursor=cursor)
            seen += [one[name] for one in answer.json()["data"]]
            cursor = answer.json()["meta"]["nextCursor"]
        assert len(seen) == len(set(seen)) == 5
        assert seen == [one[name] for one in await api.data(path, limit="many")]
        assert [one["externalRef"] for one in await api.data(path, channelCode="gyg")] == ["3", "1"]
    assert [one["externalRef"] for one in await api.data(MAPPINGS)] == ["4", "3", "2", "1", "0"]
    assert len(await api.data(MAPPINGS, entityType="hotel", limit="0.5")) == 1
    assert await api.data(MAPPINGS, entityType="booking") == []
    assert len(await api.data(UNMAPPED, status="open", queueType="channel_mapping", reasonCode="MANUAL_REVIEW")) == 5
    assert await api.data(UNMAPPED, status="closed") == []
    assert await api.data(UNMAPPED, queueType="nonsense") == []
    assert [one["externalRef"] for one in await api.data(UNMAPPED, externalRefKind="hotel_id", externalRef="3")] == [
        "3"
    ]
    for path, query, message in (
        (UNMAPPED, {"status": "lost"}, "INVALID_UNMAPPED_STATUS:lost"),
        (UNMAPPED, {"cursor": "x"}, "INVALID_CURSOR"),
        (UNMAPPED, {"queueType": "x" * 2001}, "INVALID_QUEUE_TYPE"),
        (MAPPINGS, {"entityType": "\x00"}, "INVALID_ENTITY_TYPE"),
    ):
        assert error(await api.get(path, **query)) == (400, message)


async def test_an_operators_act_shows_what_a_mapping_makes_of_the_package(api: Api) -> None:
    await book(api)
    variant = str(await add_entity(api.database, Entity.CATALOG_VARIANT))
    reference = {"externalRefKind": "LEGACY_PACKAGE_ID", "externalRef": "7"}
    await made(api, entityType="CATALOG_VARIANT", entityKey=variant, **reference)
    await api.do(
        "update booking_core set package_ref_type = 'LEGACY_PACKAGE', package_ref_key = null"
    )  # as before the mapping
    answer = await act(api, "PATCH", "/v1/ops/bookings/GYG:A-1", {"note": "vegetarian"})
    assert answer.status_code == 200, answer.text
    edited = answer.json()["data"]["booking"]
    assert (edited["packageRefType"], edited["packageRefKey"], edited["note"]) == (
        "CATALOG_VARIANT",
        variant,
        "vegetarian",
    )
    answer = await act(
        api, "PATCH", "/v1/ops/bookings/GYG:A-1", {"packageRefType": "CATALOG_VARIANT", "packageRefKey": variant}
    )
    assert answer.json()["data"]["booking"]["version"] == edited["version"]  # it says what is shown already
    answer = await act(
        api, "PATCH", "/v1/ops/bookings/GYG:A-1", {"packageRefKey": None, "packageRefType": "LEGACY_PACKAGE"}
    )
    assert answer.status_code == 200, answer.text


async def test_another_systems_number_leads_to_a_booking_while_its_mapping_holds(api: Api) -> None:
    await api.accept(body(source="GYG"))
    [booking] = await api.data("/v1/ops/bookings")
    known = {"entityType": "BOOKING", "externalRefKind": "BSTADMIN_BOOKING_ID", "externalRef": "4711"}
    mapped = await made(api, **known, entityKey=booking["bookingKey"])
    assert (await api.data("/v1/ops/bookings/4711"))["bookingKey"] == booking["bookingKey"]
    await act(api, "PATCH", f"{MAPPINGS}/{mapped['mappingId']}", {"mappingStatus": "REVIEW_REQUIRED"})
    assert (await api.get("/v1/ops/bookings/4711")).status_code == 404


async def test_roles(api: Api) -> None:
    data = await made(api, mappingStatus="UNMAPPED")
    [entry] = await api.data(UNMAPPED)
    for method, path in (
        ("POST", MAPPINGS),
        ("PATCH", f"{MAPPINGS}/{data['mappingId']}"),
        ("PATCH", f"{UNMAPPED}/{entry['queueId']}/status/IN_REVIEW"),
        ("POST", f"{UNMAPPED}/{entry['queueId']}/resolve"),
        ("POST", f"{UNMAPPED}/resolve"),
    ):
        assert error(await act(api, method, path, {}, role="STAFF")) == (403, "ADMIN_ROLE_FORBIDDEN:STAFF")
        assert error(await act(api, method, path, {}, authorization="")) == (401, "ADMIN_AUTH_REQUIRED")
        assert (await act(api, method, path, {}, role="MANAGER")).status_code in {200, 400}
    for path in (MAPPINGS, UNMAPPED):
        assert (await api.get(path, role="STAFF", token=ADMIN)).status_code == 200
        assert (await api.get(path, token=None)).status_code == 401


async def test_without_the_migration_callers_hear_what_is_missing(api: Api) -> None:
    await api.do("alter table channel_external_refs rename column mapping_status to gone")
    assert error(await api.get(MAPPINGS)) == (503, "MAPPING_SCHEMA_NOT_READY")
    assert error(await act(api, "POST", MAPPINGS, mapping())) == (503, "MAPPING_SCHEMA_NOT_READY")


async def test_of_twenty_requests_that_map_one_reference_at_once_one_wins(api: Api) -> None:
    answers = await asyncio.gather(*(act(api, "POST", MAPPINGS, mapping()) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    [winner] = [answer.json()["data"] for answer in answers if answer.status_code == 201]
    assert await api.data(MAPPINGS) == [winner]
    assert len(await api.data("/v1/audit/events", resourceType="CHANNEL_MAPPING")) == 1
