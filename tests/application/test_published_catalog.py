"""The desk in memory passes its suite, and a process serves what is published from memory."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from attrs import define, evolve, frozen

from bst_application.errors import Unavailable
from bst_application.ports.audit import AuditEntry
from bst_application.ports.publishing import Publication, Snapshot
from bst_application.published_catalog import LOOK_EVERY_S, NOTHING_PUBLISHED, PublishedCatalog
from bst_domain.catalog import EditorRate, EditorVariant
from bst_testing.conformance.publishing import PublishingConformance
from bst_testing.deliveries import NOW
from bst_testing.fakes.catalog import MemoryCatalogEditor
from bst_testing.fakes.publishing import MemoryPublishingDesk
from bst_testing.publishing import PublishingStorage, product, published, put


class CountingDesk(MemoryPublishingDesk):
    """Counts how often it is asked."""

    looks = 0
    reads = 0
    silence: asyncio.Event | None = None
    asked: asyncio.Event | None = None

    async def publication(self) -> Publication:
        self.looks += 1
        if self.silence is not None and self.asked is not None:
            self.asked.set()
            await self.silence.wait()
        await asyncio.sleep(0)  # others get their turn, as with a database
        return await super().publication()

    async def read_snapshot(self, version: int) -> Snapshot | None:
        self.reads += 1
        return await super().read_snapshot(version)


@frozen
class Storage:
    desk: CountingDesk
    catalog: MemoryCatalogEditor


@pytest.fixture
def memory() -> Storage:
    catalog = MemoryCatalogEditor()
    return Storage(CountingDesk(catalog), catalog)


class TestMemoryPublishingDesk(PublishingConformance):
    @pytest.fixture
    def storage(self, memory: Storage) -> Storage:
        return memory

    async def audited(self, storage: PublishingStorage) -> list[AuditEntry]:
        assert isinstance(storage, Storage)
        return [entry for _, entry in sorted(storage.desk.trail.items())]


@define
class Clock:
    """What a process thinks the time is."""

    now: datetime = NOW
    seconds: float = 100.0


def served(memory: Storage, clock: Clock) -> PublishedCatalog:
    return PublishedCatalog(memory.desk, lambda: clock.now, lambda: clock.seconds)


async def test_many_readers_at_once_are_one_look(memory: Storage) -> None:
    await put(memory, product(1))
    await published(memory)
    catalog = served(memory, Clock())
    editions = await asyncio.gather(*(catalog.edition() for _ in range(50)))
    assert {edition.tag for edition in editions} == {editions[0].tag}
    assert (memory.desk.looks, memory.desk.reads) == (1, 1)


async def test_a_version_is_read_once_and_looked_after_cheaply(memory: Storage) -> None:
    await put(memory, product(1), product(2))
    await published(memory, UUID(int=1))
    clock = Clock()
    catalog = served(memory, clock)
    first = await catalog.edition()
    for _ in range(5):
        clock.seconds += LOOK_EVERY_S
        assert await catalog.edition() is first
    assert (memory.desk.looks, memory.desk.reads) == (6, 1)
    await published(memory, UUID(int=2))
    assert await catalog.edition() is first  # until the next look
    clock.seconds += LOOK_EVERY_S
    second = await catalog.edition()
    assert [one["slug"] for one in second.listed()] == ["tour-2"]
    assert second.tag != first.tag


async def test_whoever_published_serves_it_at_once(memory: Storage) -> None:
    clock = Clock()
    catalog = served(memory, clock)
    assert await catalog.edition() is NOTHING_PUBLISHED
    await put(memory, product(1))
    await published(memory)
    assert await catalog.edition() is NOTHING_PUBLISHED
    await catalog.look_now()
    assert [one["slug"] for one in (await catalog.edition()).listed()] == ["tour-1"]


async def test_an_outage_leaves_the_public_catalog_up(memory: Storage) -> None:
    clock = Clock()
    catalog = served(memory, clock)
    memory.desk.outage = True
    with pytest.raises(Unavailable):  # nothing was ever read: empty would be a lie
        await catalog.edition()
    await catalog.look_now()
    with pytest.raises(Unavailable):
        await catalog.edition()
    memory.desk.outage = False
    await put(memory, product(1))
    await published(memory)
    before = await catalog.edition()
    memory.desk.outage = True
    for _ in range(3):
        clock.seconds += 10 * LOOK_EVERY_S
        assert await catalog.edition() is before
    looks = memory.desk.looks
    await catalog.edition()
    assert memory.desk.looks == looks  # a database that is away is not asked by every reader


async def test_a_database_that_is_silent_holds_up_one_reader_and_no_more(memory: Storage) -> None:
    clock = Clock()
    catalog = served(memory, clock)
    before = await catalog.edition()
    memory.desk.silence, memory.desk.asked = asyncio.Event(), asyncio.Event()
    clock.seconds += LOOK_EVERY_S
    looking = asyncio.create_task(catalog.edition())
    await memory.desk.asked.wait()
    async with asyncio.timeout(1):
        assert await catalog.edition() is before
    assert not looking.done()
    memory.desk.silence.set()
    assert await looking is before


async def test_a_price_changes_at_its_instant_and_the_tag_with_it(memory: Storage) -> None:
    turn = NOW + timedelta(hours=1)
    rates = [
        EditorRate(key=UUID(int=10), traveller="ADULT", currency="USD", price=Decimal("50.00"), valid_to=turn),
        EditorRate(key=UUID(int=11), traveller="ADULT", currency="USD", price=Decimal("60.00"), valid_from=turn),
    ]
    variant = EditorVariant(
        key=UUID(int=5),
        code="STD",
        name="Standard",
        duration_days=1,
        currency="USD",
        is_default=True,
        is_active=True,
        updated_at=NOW,
        rates=tuple(rates),
    )
    await put(memory, evolve(product(1), variants=(variant,)))
    await published(memory)
    clock = Clock()
    catalog = served(memory, clock)

    async def price() -> tuple[str, float, timedelta]:
        edition = await catalog.edition()
        [shown] = edition.listed()
        return edition.tag, shown["price_per_person"], edition.kept_for(clock.now)

    early = await price()
    assert early[1:] == (50.0, timedelta(seconds=60))
    clock.now = turn - timedelta(seconds=7)
    assert await price() == (early[0], 50.0, timedelta(seconds=7))
    clock.now = turn
    late = await price()
    assert late[1:] == (60.0, timedelta(seconds=60))
    assert late[0] != early[0]
