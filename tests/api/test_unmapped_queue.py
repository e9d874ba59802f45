"""The unmapped queue over HTTP: what waits for a person is judged and resolved."""

import asyncio
from uuid import uuid4

import psycopg

from bst_application.ids import uuid7
from bst_application.ports.mappings import Entity, SourceRow
from bst_application.use_cases.mappings import CreateMapping, NewMapping
from bst_application.use_cases.repair import Author
from bst_domain.lifecycles import MappingStatus
from bst_domain.values import ChannelReference
from bst_postgres.mappings import PostgresMappingDesk
from bst_testing.deliveries import body
from tests.api.harness import Api
from tests.api.test_channel_mappings import MAPPINGS, UNMAPPED, book, error, made, only_winner
from tests.api.test_repair import act
from tests.postgres.test_storage import add_entity
from tests.telemetry.harness import a_worker, until


async def test_entries_are_judged_by_the_table(api: Api) -> None:
    await made(api, mappingStatus="UNMAPPED")
    [entry] = await api.data(UNMAPPED)
    path = f"{UNMAPPED}/{entry['queueId']}/status"
    assert (entry["status"], entry["resolvedBy"], entry["resolvedAt"]) == ("OPEN", None, None)
    review = await act(api, "PATCH", f"{path}/in_review")
    assert (review.status_code, review.json()["data"]["resolvedBy"]) == (200, None)
    assert [one["mappingStatus"] for one in await api.data(MAPPINGS)] == ["REVIEW_REQUIRED"]
    done = await act(api, "PATCH", f"{path}/RESOLVED", {"reason": "the concierge knows"})
    assert done.status_code == 200
    data = done.json()["data"]
    assert (data["status"], data["resolvedBy"], data["resolution"]) == (
        "RESOLVED",
        "ayu@ops.example.org",
        "the concierge knows",
    )
    assert data["resolvedAt"] is not None
    assert [one["mappingStatus"] for one in await api.data(MAPPINGS)] == ["MAPPED"]
    refused = await act(api, "PATCH", f"{path}/OPEN")
    assert error(refused) == (409, "INVALID_UNMAPPED_TRANSITION:RESOLVED->OPEN")
    assert refused.json()["error"]["details"]["allowed"] == ["CLOSED"]
    assert (await act(api, "PATCH", f"{path}/closed")).status_code == 200
    assert error(await act(api, "PATCH", f"{path}/lost")) == (400, "INVALID_UNMAPPED_STATUS:lost")
    assert error(await act(api, "PATCH", f"{path}/OPEN", {"reason": 7})) == (400, "INVALID_FIELD_REASON")
    for missing in (str(uuid4()), "not-a-uuid"):
        answer = await act(api, "PATCH", f"{UNMAPPED}/{missing}/status/OPEN")
        assert error(answer) == (404, f"Unmapped queue not found: {missing}")


async def test_resolving_maps_the_package_of_the_bookings_that_waited_and_of_those_that_come(api: Api) -> None:
    await book(api)
    before = await api.data("/v1/ops/bookings/GYG:A-1")
    assert "UNMAPPED_PACKAGE" in before["statusReasons"]
    assert (before["packageRefType"], before["packageRefKey"], before["legacyPackageId"]) == ("LEGACY_PACKAGE", None, 7)
    [entry] = await api.data(UNMAPPED, reasonCode="UNMAPPED_PACKAGE")
    variant = str(await add_entity(api.database, Entity.CATALOG_VARIANT))
    answer = await act(
        api, "POST", f"{UNMAPPED}/{entry['queueId']}/resolve", {"entityKey": variant, "reason": "the trek"}
    )
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["bookings"] == {"refolded": 1, "pending": False}
    assert (data["unmapped"]["status"], data["unmapped"]["resolution"]) == ("RESOLVED", "the trek")
    assert (data["mapping"]["entityType"], data["mapping"]["entityKey"]) == ("CATALOG_VARIANT", variant)
    await book(api, "A-2")
    for ref in ("A-1", "A-2"):
        booking = await api.data(f"/v1/ops/bookings/GYG:{ref}")
        assert "UNMAPPED_PACKAGE" not in booking["statusReasons"]
        assert (booking["packageRefType"], booking["packageRefKey"]) == ("CATALOG_VARIANT", variant)
        assert booking["legacyPackageId"] == 7
    assert (await api.data("/v1/ops/bookings/GYG:A-1"))["version"] == before["version"] + 1
    again = await act(
        api, "POST", f"{UNMAPPED}/{entry['queueId']}/resolve", {"entityKey": variant, "reason": "the trek"}
    )
    assert error(again) == (409, "INVALID_UNMAPPED_TRANSITION:RESOLVED->RESOLVED")


async def test_what_a_crash_leaves_behind_the_worker_does(api: Api, postgres_dsn: str, broker_url: str) -> None:
    await book(api)
    variant = await add_entity(api.database, Entity.CATALOG_VARIANT)
    make = CreateMapping(desk=PostgresMappingDesk(api.database), now=api.now, new_id=uuid7)
    wanted = NewMapping(
        entity_type="CATALOG_VARIANT",
        reference=ChannelReference("GYG", "LEGACY_PACKAGE_ID", "7"),
        entity_key=variant,
        status=MappingStatus.MAPPED,
        source=SourceRow(system="manual", table="manual_mapping", pk="7"),
        reason="MANUAL_REVIEW",
    )
    await make(wanted, replace=False, by=Author(actor="ayu"))  # and no more: whoever was to fold the bookings is gone
    assert "UNMAPPED_PACKAGE" in (await api.data("/v1/ops/bookings/GYG:A-1"))["statusReasons"]

    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        shown = "select 1 from booking_core where package_ref_key = %s"
        async with a_worker(postgres_dsn, broker_url):
            await until(lambda: connection.execute(shown, (variant,)).fetchone(), "the booking shows the variant")
        assert connection.execute("select count(*) from package_refold").fetchone() == (0,)
    assert "UNMAPPED_PACKAGE" not in (await api.data("/v1/ops/bookings/GYG:A-1"))["statusReasons"]


async def test_a_bad_resolution_is_named_and_changes_nothing(api: Api) -> None:
    await book(api)
    [entry] = await api.data(UNMAPPED)
    path = f"{UNMAPPED}/{entry['queueId']}/resolve"
    for given, status, message in (
        ({"reason": "x"}, 400, "INVALID_FIELD_ENTITYKEY"),
        ({"entityKey": "book_demo_001", "reason": "x"}, 400, "INVALID_FIELD_ENTITYKEY"),
        ({"entityKey": str(uuid4())}, 400, "INVALID_FIELD_REASON"),
        ({"entityKey": str(uuid4()), "reason": " "}, 400, "EMPTY_FIELD_REASON"),
        ({"entityKey": str(uuid4()), "reason": "x"}, 400, "CHANNEL_OR_ENTITY_REFERENCE_INVALID"),
    ):
        assert error(await act(api, "POST", path, given)) == (status, message)
    for missing in (str(uuid4()), "not-a-uuid"):
        answer = await act(api, "POST", f"{UNMAPPED}/{missing}/resolve", {"entityKey": str(uuid4()), "reason": "x"})
        assert error(answer) == (404, f"Unmapped queue not found: {missing}")
    assert [one["status"] for one in await api.data(UNMAPPED)] == ["OPEN"]
    assert await api.data(MAPPINGS) == []


async def test_a_conflict_of_ingest_is_closed_by_hand_and_never_mapped(api: Api) -> None:
    await api.post(body(customer={"name": "José Núñez"}), key="key-1")
    await api.post(body(ref="WEB-2", customer={"name": "José Núñez"}), key="key-1")
    listed = await api.get(UNMAPPED, queueType="INGEST_CONFLICT")
    assert "José" not in listed.text
    [entry] = listed.json()["data"]
    wanted = {"entityKey": str(uuid4()), "reason": "x"}
    refused = await act(api, "POST", f"{UNMAPPED}/{entry['queueId']}/resolve", wanted)
    assert error(refused) == (409, "UNMAPPED_ENTRY_NOT_MAPPABLE:INGEST_CONFLICT")
    closed = await act(api, "PATCH", f"{UNMAPPED}/{entry['queueId']}/status/CLOSED")
    assert closed.status_code == 200


async def test_many_entries_are_resolved_after_a_look_at_what_it_comes_to(api: Api) -> None:
    for source in ("GYG", "BOKUN", "VIATOR"):
        await book(api, source=source)
    await book(api, "A-8", package=8)
    variant = str(await add_entity(api.database, Entity.CATALOG_VARIANT))
    wanted = {
        "filter": {"reasonCode": "UNMAPPED_PACKAGE", "externalRef": "7"},
        "entityKey": variant,
        "reason": "the trek",
    }
    looked = await act(api, "POST", f"{UNMAPPED}/resolve", {**wanted, "dryRun": True})
    assert looked.status_code == 200, looked.text
    data = looked.json()["data"]
    assert (data["dryRun"], data["total"], data["resolved"], data["refused"], data["remaining"]) == (True, 3, 3, 0, 0)
    assert [one["status"] for one in data["sample"]] == ["OPEN"] * 3
    assert len(await api.data(UNMAPPED, status="OPEN")) == 4
    done = (await act(api, "POST", f"{UNMAPPED}/resolve", wanted)).json()["data"]
    assert (done["resolved"], done["bookings"]) == (3, {"refolded": 3, "pending": False})
    [left] = await api.data(UNMAPPED, status="OPEN")
    entries = [{"queueId": left["queueId"], "entityKey": variant}, {"queueId": str(uuid4()), "entityKey": variant}]
    listed = (await act(api, "POST", f"{UNMAPPED}/resolve", {"entries": entries, "reason": "x"})).json()["data"]
    assert [one["outcome"] for one in listed["entries"]] == [
        "RESOLVED",
        f"Unmapped queue not found: {entries[1]['queueId']}",
    ]
    assert (listed["resolved"], listed["refused"]) == (1, 1)
    for given, message in (
        ({"entityKey": variant, "reason": "x"}, "INVALID_FIELD_FILTER"),
        ({"filter": {}, "entityKey": variant, "reason": "x"}, "INVALID_FIELD_FILTER"),
        ({"filter": {"ref": "7"}, "entityKey": variant, "reason": "x"}, "UNKNOWN_FILTER"),
        ({"filter": {"externalRef": 7}, "entityKey": variant, "reason": "x"}, "INVALID_FIELD_FILTER"),
        ({"filter": {"externalRef": "7"}, "reason": "x"}, "INVALID_FIELD_ENTITYKEY"),
        ({"entries": [], "reason": "x"}, "INVALID_FIELD_ENTRIES"),
        ({"entries": ["x"], "reason": "x"}, "INVALID_FIELD_ENTRIES"),
        ({"entries": [{"queueId": "x", "entityKey": variant}], "reason": "x"}, "INVALID_FIELD_QUEUEID"),
        ({"entries": [entries[0]] * 201, "reason": "x"}, "INVALID_FIELD_ENTRIES"),
        ({**wanted, "entries": entries}, "INVALID_FIELD_ENTRIES"),
        ({**wanted, "dryRun": "yes"}, "INVALID_FIELD_DRYRUN"),
    ):
        assert error(await act(api, "POST", f"{UNMAPPED}/resolve", given)) == (400, message)


async def test_of_twenty_requests_that_settle_one_entry_at_once_one_wins(api: Api) -> None:
    await book(api)
    [entry] = await api.data(UNMAPPED)
    variants = [str(await add_entity(api.database, Entity.CATALOG_VARIANT)) for _ in range(10)]
    path = f"{UNMAPPED}/{entry['queueId']}"
    answers = await asyncio.gather(
        *(act(api, "POST", f"{path}/resolve", {"entityKey": variant, "reason": "x"}) for variant in variants),
        *(act(api, "PATCH", f"{path}/status/RESOLVED") for _ in range(10)),
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert [one["status"] for one in await api.data(UNMAPPED)] == ["RESOLVED"]
    assert len(await api.data(MAPPINGS)) == (1 if "mapping" in only_winner(answers) else 0)
