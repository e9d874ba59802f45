"""Packages of both old systems, by whichever name: live events, moved-in bookings and mappings of people and batches agree."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from bst_application.ids import uuid7
from bst_application.use_cases.refold_packages import RefoldPackages
from bst_application.use_cases.repair import Author
from bst_application.use_cases.unmapped import Resolved, ResolveUnmapped
from bst_application.use_cases.unmapped_targets import Target
from bst_domain.migration import LegacySystem
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.database import Database
from bst_postgres.mappings import PostgresMappingDesk
from bst_testing.deliveries import body
from tests.legacy.moving import AS_OF, move_all, move_bookings, move_catalog
from tests.legacy.test_interrupted import Live
from tests.legacy.test_moving import rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

_SHOWN = """
select channel_code as channel, external_booking_ref as ref, package_ref_type as type, package_ref_key::text as key,
  legacy_package_id as number, status_reasons @> array['UNMAPPED_PACKAGE'] as waits from booking_core
"""


@pytest.fixture(scope="module")
def world(postgres_server: PostgresAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(postgres_server, tmp_path_factory.mktemp("world"), seed=81, bookings=300, mess=0.8) as made:
        yield made


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    made = Database(postgres_dsn)
    yield made
    await made.close()


def shown(dsn: str, where: str = "true") -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["channel"], row["ref"]): row for row in rows(dsn, f"{_SHOWN} where {where}")}


async def refold(database: Database) -> None:
    again = RefoldPackages(desk=PostgresMappingDesk(database), store=PostgresBookingStore(database), now=lambda: AS_OF)
    while await again():
        pass


async def resolve(database: Database, entry: UUID, to: UUID) -> Resolved:
    resolving = ResolveUnmapped(desk=PostgresMappingDesk(database), now=lambda: datetime.now(UTC), new_id=uuid7)
    made = await resolving(entry, Target(entity_key=to), reason="it is this one", by=Author(actor="ayu"))
    assert isinstance(made, Resolved), made
    return made


async def test_a_person_maps_a_package_of_the_old_admin_for_all_its_bookings(
    world: World, postgres_dsn: str, database: Database
) -> None:
    await move_all(world, postgres_dsn)
    waiting: dict[str, list[tuple[str, str]]] = {}
    for key, row in shown(postgres_dsn, "package_external_ref like 'BSTADMIN_PACKAGE_ID:%'").items():
        waiting.setdefault(str(row["number"]), []).append(key)
    queued = rows(
        postgres_dsn,
        "select queue_key, source_pk from unmapped_queue where source_table = 'tour_packages'"
        " and queue_type = 'PRODUCT_MAPPING'",
    )
    entry = max((row for row in queued if row["source_pk"] in waiting), key=lambda row: len(waiting[row["source_pk"]]))
    [product] = rows(postgres_dsn, "select product_key as key from catalog_product order by slug limit 1")
    others = {key: row for key, row in shown(postgres_dsn).items() if key not in waiting[entry["source_pk"]]}
    made = await resolve(database, entry["queue_key"], product["key"])
    assert made.mapping.reference.kind == "BSTADMIN_PACKAGE_ID"
    await refold(database)
    after = shown(postgres_dsn)
    for key in waiting[entry["source_pk"]]:
        assert (after[key]["type"], after[key]["key"]) == ("CATALOG_PRODUCT", str(product["key"])), key
        assert after[key]["number"] == int(entry["source_pk"])
        assert not after[key]["waits"]
    assert {key: row for key, row in after.items() if key not in waiting[entry["source_pk"]]} == others
    await move_all(world, postgres_dsn)
    assert shown(postgres_dsn) == after
    assert rows(postgres_dsn, f"select status from unmapped_queue where queue_key = '{entry['queue_key']}'") == [
        {"status": "RESOLVED"}
    ]


async def test_a_person_maps_a_variant_of_the_shop_for_the_items_that_name_it(
    world: World, postgres_dsn: str, database: Database
) -> None:
    await move_all(world, postgres_dsn)
    waiting = rows(
        postgres_dsn,
        "select channel_code as channel, external_booking_ref as ref, package_external_ref as name, legacy_package_id as number"
        " from booking_core where package_external_ref like 'BALISNAP_VARIANT_ID:%'",
    )
    assert waiting, "the world has items of variants that nobody could map"
    # Its package may well be mapped: it is not what the item names.
    entries = {
        row["source_pk"]: row["queue_key"]
        for row in rows(
            postgres_dsn,
            "select source_pk, queue_key from unmapped_queue where source_table = 'TourVariant'"
            " and queue_type = 'VARIANT_MAPPING'",
        )
    }
    [variant] = rows(postgres_dsn, "select variant_key as key from catalog_variant order by code limit 1")
    number = waiting[0]["name"].removeprefix("BALISNAP_VARIANT_ID:")
    await resolve(database, entries[number], variant["key"])
    await refold(database)
    after = shown(postgres_dsn)
    for row in waiting:
        here = after[row["channel"], row["ref"]]
        mapped = row["name"] == f"BALISNAP_VARIANT_ID:{number}"
        assert here["key"] == (str(variant["key"]) if mapped else None)
        assert here["number"] == row["number"]
    store = PostgresBackfillStore(database)
    assert (await store.packages()).variants[int(number)] == variant["key"]
    await move_bookings(world, store)
    assert shown(postgres_dsn) == after


async def test_a_live_shop_event_means_the_shops_number_and_waits_for_the_bridge(
    world: World, postgres_dsn: str, database: Database
) -> None:
    """The same number is another package in the old admin: its mapping says nothing about the shop's."""
    truth = [said for said in world.truth("catalog") if said["entity"] == "PACKAGE"]
    admin = {said["source_pk"]: said for said in truth if said["source_system"] == "bstadmin"}
    mapped = next(
        said
        for said in truth
        if said["source_system"] == "balisnap"
        and said["status"] == "MAPPED"
        and admin.get(said["source_pk"], {}).get("target_key") != said["target_key"]
    )
    number = int(mapped["source_pk"])
    booking = {
        "tourDate": "2026-06-02",
        "adult": 1,
        "packageRefType": "LEGACY_PACKAGE",
        "packageRefKey": None,
        "legacyPackageId": number,
    }
    live = Live(database)
    await live.send(body("CREATED", "EARLY", "2026-03-01T00:00:00.000Z", booking=booking))
    early = shown(postgres_dsn)["DIRECT", "EARLY"]
    assert early["waits"]
    await move_catalog(world, PostgresBackfillStore(database))
    await refold(database)
    await live.send(body("CREATED", "LATE", "2026-03-01T00:00:00.000Z", booking=booking))
    for ref in ("EARLY", "LATE"):
        here = shown(postgres_dsn)["DIRECT", ref]
        assert (here["key"], here["number"], here["waits"]) == (mapped["target_key"], number, False)
    entries = rows(postgres_dsn, "select status, resolved_by from unmapped_queue where queue_type = 'CHANNEL_MAPPING'")
    assert entries == [{"status": "RESOLVED", "resolved_by": "bst migrate"}]


async def test_a_package_that_matches_another_product_later_is_followed_and_one_of_a_person_is_not(
    postgres_server: PostgresAddress, tmp_path: Path, postgres_dsn: str, database: Database
) -> None:
    store = PostgresBackfillStore(database)
    with a_world(postgres_server, tmp_path, seed=82, bookings=60, mess=0) as own:
        await move_catalog(own, store)
        query = (
            "select external_ref as ref, entity_key as key from channel_external_refs where external_ref_kind = '{}'"
        )
        before = {row["ref"]: row["key"] for row in rows(postgres_dsn, query.format("BSTADMIN_PACKAGE_ID"))}
        ours = sorted(before, key=int)[:2]
        [person] = rows(postgres_dsn, "select product_key as key from catalog_product order by slug desc limit 1")
        with psycopg.connect(postgres_dsn) as connection:
            connection.execute(
                "update channel_external_refs set entity_type = 'CATALOG_PRODUCT', entity_key = %s,"
                " updated_at = now() + interval '1 s' where external_ref_kind = 'BSTADMIN_PACKAGE_ID' and external_ref = %s",
                (person["key"], ours[0]),
            )
        with psycopg.connect(own.urls[LegacySystem.ADMIN]) as connection:
            connection.execute(
                "update tour_packages set price_per_person = -1 where package_id = any (%s)", ([*map(int, ours)],)
            )
        await move_catalog(own, store)
        after = {row["ref"]: row["key"] for row in rows(postgres_dsn, query.format("BSTADMIN_PACKAGE_ID"))}
        assert after == {**{ref: key for ref, key in before.items() if ref != ours[1]}, ours[0]: person["key"]}
        assert (await move_catalog(own, store)).written == 0
