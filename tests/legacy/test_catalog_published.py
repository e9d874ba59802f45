"""Batch C to its end: what the shop tells about its products comes along, and the catalog is published once for each change."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bst_application.ids import uuid7
from bst_application.ports.publishing import PublishJob
from bst_application.use_cases.draft_catalog import DraftPublishJob
from bst_application.use_cases.move_catalog import MoveCatalog
from bst_application.use_cases.publish_catalog import TakePublishStep
from bst_application.use_cases.publish_moved import Published, PublishMoved, Unchanged, WouldPublish
from bst_application.use_cases.repair import Author
from bst_domain.lifecycles import FourEyes, PublishAction
from bst_domain.migration import CONTENT_PARTS, LegacySystem
from bst_legacy.databases import LegacyConnections
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.database import Database
from bst_postgres.publishing import PostgresPublishingDesk
from tests.legacy.comparing import compare
from tests.legacy.moving import NOW, move_catalog
from tests.legacy.test_moving import contents as everything
from tests.legacy.test_moving import rows
from tests.legacy.test_taken_back import back
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

_TOLD = """
insert into "Inclusion" (inclusion_id, description) values (901, 'Entrance fees'), (902, 'Lunch');
insert into "Exclusion" (exclusion_id, description) values (901, 'Tips');
insert into "VariantInclusion" (variant_id, inclusion_id, sort_order, note)
  select variant_id, id, id, case id when 902 then 'vegetarian' end from "TourVariant", unnest(array[901, 902]) id;
insert into "VariantExclusion" (variant_id, exclusion_id) select variant_id, 901 from "TourVariant";
insert into "VariantHighlight" (variant_id, description, sort_order) select variant_id, 'Sunrise', 1 from "TourVariant";
"""
_TELL_NO_MORE = """
truncate "TourProductMedia", "TourVariantMedia", "VariantItinerary", "VariantHighlight", "VariantOptionalFeature",
  "VariantAdditionalInfo", "VariantInclusion", "VariantExclusion"
"""


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path, seed=91, bookings=40, mess=0.3) as made:
        with psycopg.connect(made.urls[LegacySystem.SHOP]) as shop:
            shop.execute(_TOLD.encode())
        yield made


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    made = Database(postgres_dsn)
    yield made
    await made.close()


def publishing(database: Database) -> PublishMoved:
    return PublishMoved(desk=PostgresPublishingDesk(database), now=lambda: datetime.now(UTC), new_id=uuid7)


async def test_a_line_that_is_too_long_for_an_editor_is_cut_and_listed(
    world: World, postgres_dsn: str, database: Database
) -> None:
    store = PostgresBackfillStore(database)
    await move_catalog(world, store)
    listed = (
        "select batch_code, source_table, source_pk, detail from migration_exception where exception = 'CONTENT_CUT'"
    )
    assert rows(postgres_dsn, listed) == []
    [moved] = rows(
        postgres_dsn,
        "select min(external_ref::int) as id from channel_external_refs where external_ref_kind = 'BALISNAP_VARIANT_ID'",
    )
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        longer = """update "VariantHighlight" set description = repeat('x', %s) where variant_id = %s"""
        shop.execute(longer.encode(), (501, moved["id"]))
    for _ in range(2):
        assert (await move_catalog(world, store)).exceptions == 1
        [found] = rows(postgres_dsn, listed)
        assert (found["batch_code"], found["source_table"], found["source_pk"]) == (
            "C",
            "TourVariant",
            str(moved["id"]),
        )
        assert found["detail"] == "highlights: 1 beyond 500 characters"
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute(longer.encode(), (500, moved["id"]))
    assert (await move_catalog(world, store)).exceptions == 0
    assert rows(postgres_dsn, listed) == []
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute(longer.encode(), (501, moved["id"]))
    await move_catalog(world, store)
    await back(postgres_dsn, "C")
    assert rows(postgres_dsn, listed) == []


def contents(dsn: str) -> dict[str, dict[str, Any]]:
    query = "select slug, payload from catalog_product_content join catalog_product using (product_key)"
    return {row["slug"]: row["payload"] for row in rows(dsn, query)}


async def test_the_catalog_is_published_once_for_each_change(
    world: World, postgres_dsn: str, database: Database
) -> None:
    store, publish = PostgresBackfillStore(database), publishing(database)
    await move_catalog(world, store)
    assert await publish(dry_run=True) == WouldPublish()
    assert await publish() == Published(1)
    [snapshot] = rows(postgres_dsn, "select payload, frozen_by from catalog_snapshot")
    assert snapshot["frozen_by"] == "bst migrate"
    active = rows(postgres_dsn, "select slug from catalog_product where is_active")
    assert {item["slug"] for item in json.loads(snapshot["payload"])["items"]} == {row["slug"] for row in active}
    assert (await move_catalog(world, store)).written == 0
    assert isinstance(await publish(), Unchanged)
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute("""update "VariantRatePlan" set price = price + 1""")
    await move_catalog(world, store)
    assert await publish() == Published(2)


async def test_a_dry_run_says_what_a_run_would_change_and_what_it_would_not(
    world: World, postgres_dsn: str, database: Database
) -> None:
    store, publish = PostgresBackfillStore(database), publishing(database)
    moving = MoveCatalog(store=store, now=NOW)

    async def dry() -> tuple[int, int, int]:
        before = everything(postgres_dsn)
        async with LegacyConnections(world.urls).snapshot() as snapshot:
            tally, _ = await moving(snapshot, dry_run=True)
        assert everything(postgres_dsn) == before
        assert tally.written == 0
        return tally.changed, tally.unchanged, tally.queued

    assert await publish(dry_run=True) == Unchanged(None, "there is nothing to publish")
    assert await publish(dry_run=True, to_come=1) == WouldPublish()
    planned = await dry()
    done = await move_catalog(world, store)
    assert planned == (done.changed, done.unchanged, done.queued)
    assert planned[0] > 0 < planned[2]
    await publish()
    assert await dry() == (0, planned[0], 0)
    again = await move_catalog(world, store)
    assert (again.changed, again.unchanged, again.queued) == (0, planned[0], 0)
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute("""update "VariantRatePlan" set price = price + 1 where price > 0 and is_active""")
    changed, unchanged, _ = await dry()
    assert 0 < changed < planned[0] == changed + unchanged


async def test_what_a_person_has_published_since_stays(world: World, postgres_dsn: str, database: Database) -> None:
    store, publish, desk = PostgresBackfillStore(database), publishing(database), PostgresPublishingDesk(database)
    await move_catalog(world, store)
    assert await publish() == Published(1)
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("update catalog_product set name = 'Ours', version = 2, updated_at = now() + interval '1 s'")
    by, now = Author(actor="ayu"), datetime.now(UTC)
    job = await DraftPublishJob(desk=desk, now=lambda: now, new_id=uuid7)((), None, by=by)
    assert isinstance(job, PublishJob)
    for action in (PublishAction.SUBMIT_REVIEW, PublishAction.PUBLISH):
        step = TakePublishStep(desk=desk, rules=FourEyes(), now=lambda: now + timedelta(seconds=1))
        assert isinstance(await step(action, job.key, by=by), PublishJob)
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute("""update "VariantRatePlan" set price = price + 1""")
    await move_catalog(world, store)
    assert await publish() == Unchanged(2, "ayu has published it; what is new waits for them")
    [refused] = await back(postgres_dsn, "C")
    assert ("catalog version 2", "published by ayu") in refused.in_the_way


async def test_a_rollback_withdraws_what_the_run_had_published(
    world: World, postgres_dsn: str, database: Database
) -> None:
    store, publish = PostgresBackfillStore(database), publishing(database)
    await move_catalog(world, store)
    await publish()
    await back(postgres_dsn, "C")
    assert rows(postgres_dsn, "select version from catalog_publication") == [{"version": None}]
    assert rows(postgres_dsn, "select 1 from migration_written") == []
    await move_catalog(world, store)
    assert await publish() == Published(2)


async def test_what_the_shop_tells_comes_along_and_what_an_editor_changed_stays(
    world: World, postgres_dsn: str, database: Database
) -> None:
    store = PostgresBackfillStore(database)
    await move_catalog(world, store)
    told = contents(postgres_dsn)
    assert len(told) > 20
    slug, content = next((slug, said) for slug, said in sorted(told.items()) if said["itinerary"] and said["slides"])
    assert content["inclusions"] == ["Entrance fees", "Lunch (vegetarian)"]
    assert (content["exclusions"], content["highlights"], content["faqs"]) == (["Tips"], ["Sunrise"], [])
    assert [slide["isCover"] for slide in content["slides"]].count(True) == 1
    assert content["itinerary"][0]["startTime"][2] == ":"
    edited = {**content, "highlights": ["Ours"], "inclusions": [], "faqs": [{"question": "When?", "answer": "At dawn"}]}
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(
            "update catalog_product_content set payload = %s, updated_by = 'ayu', updated_at = now() from catalog_product"
            " where catalog_product.product_key = catalog_product_content.product_key and slug = %s",
            (json.dumps(edited), slug),
        )
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute("""update "VariantHighlight" set description = 'Sunset'""")
        shop.execute("""update "Exclusion" set description = 'Tips and drinks'""")
    await move_catalog(world, store)
    after = contents(postgres_dsn)
    assert after[slug] == {**edited, "exclusions": ["Tips and drinks"]}
    other = next(each for each in sorted(told) if each != slug and told[each]["highlights"])
    assert after[other]["highlights"] == ["Sunset"]
    assert (await move_catalog(world, store)).written == 0


async def test_what_the_shop_tells_no_more_goes_and_an_editors_own_stays(
    world: World, postgres_dsn: str, database: Database
) -> None:
    store = PostgresBackfillStore(database)
    await move_catalog(world, store)
    told = contents(postgres_dsn)
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute(_TELL_NO_MORE.encode())
    faults = (await compare(world, postgres_dsn, "C")).faults
    assert len({one.key for one in faults if one.entity == "CONTENT"}) == len(told)
    slug = min(told)
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(
            """update catalog_product_content set payload = payload || '{"highlights": ["Ours"]}', updated_by = 'ayu',
            updated_at = now() from catalog_product product
            where product.product_key = catalog_product_content.product_key and slug = %s""",
            (slug,),
        )
    await move_catalog(world, store)
    after = contents(postgres_dsn)
    assert {name for name, said in after.items() if any(said[part] for part in CONTENT_PARTS)} == {slug}
    assert after[slug]["highlights"] == ["Ours"]
    assert (await move_catalog(world, store)).written == 0
