"""The watcher's rounds and the queue of shadows, over fakes: what crashes between two steps costs nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_application.errors import LegacyUnreadable, Unavailable
from bst_application.ids import uuid7
from bst_application.ports.reading import BookingRow
from bst_application.use_cases.compare_legacy import CompareLegacyRow
from bst_application.use_cases.shadow_reads import MOST_WAITING, CompareShadows, ShadowQueue
from bst_application.use_cases.watch_legacy import WatchLegacy
from bst_domain.booking import Contact
from bst_domain.cutover import ParityField
from bst_domain.migration import LegacySystem
from bst_domain.values import BookingIdentity, BookingKey, EmailKind, ExternalRef
from bst_testing.conformance.booking_store import accept, processing
from bst_testing.conformance.dual_write import row
from bst_testing.deliveries import body
from bst_testing.fakes.comparing import MemoryShadowLedger, MemoryWatchLedger
from bst_testing.fakes.legacy import MemoryLegacyLive
from bst_testing.fakes.storage import MemoryStorage
from bst_testing.legacy_rows import legacy_booking

START = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


class Scene:
    """A core, an old admin, and a watcher between them."""

    def __init__(self, chunk: int = 2, again: int = 500) -> None:
        self.storage, self.legacy, self.at = MemoryStorage(), MemoryLegacyLive(), START
        self.ledger = MemoryWatchLedger(self.storage.tables)
        compare = CompareLegacyRow(desk=self.storage, now=lambda: self.at, new_id=uuid7)
        self.watch = WatchLegacy(
            legacy=self.legacy,
            ledger=self.ledger,
            desk=self.storage,
            compare=compare,
            now=lambda: self.at,
            chunk=chunk,
            again=again,
        )

    def open_conflicts(self) -> int:
        return sum(one.settled is None for one in self.storage.tables.disputes.values())


async def test_a_row_of_the_last_moments_waits_for_the_event_about_it() -> None:
    scene = Scene()
    await scene.watch()
    scene.legacy.put(row(), at=START + timedelta(seconds=1))
    scene.at += timedelta(seconds=20)
    assert (await scene.watch()).rows == 0
    await processing(scene.storage)(await accept(scene.storage, body()))
    scene.at += timedelta(seconds=20)
    tally = await scene.watch()
    assert (tally.rows, tally.missing, tally.reviews) == (1, 0, 0)


async def test_a_row_that_comes_late_with_an_earlier_time_is_seen() -> None:
    scene = Scene()
    await scene.watch()
    scene.at += timedelta(minutes=10)
    scene.legacy.put(legacy_booking(LegacySystem.ADMIN, 8, "X-8"), at=START + timedelta(minutes=6))
    assert (await scene.watch()).missing == 1
    scene.legacy.put(row(), at=START + timedelta(minutes=4))
    await scene.watch()
    assert sorted(one.row.row_id for one in await scene.ledger.unreached(limit=9)) == [7, 8]


async def test_rows_that_nobody_will_ever_book_do_not_hide_one_whose_booking_comes() -> None:
    scene = Scene(again=1)
    await scene.watch()
    for row_id in (8, 9):
        scene.legacy.put(legacy_booking(LegacySystem.ADMIN, row_id, f"X-{row_id}"), at=START + timedelta(seconds=1))
    scene.legacy.put(row(), at=START + timedelta(seconds=2))
    scene.at += timedelta(minutes=1)
    assert (await scene.watch()).missing == 3
    await processing(scene.storage)(await accept(scene.storage, body()))
    for _ in range(3):
        scene.at += timedelta(hours=1)
        await scene.watch()
    assert {one.row.row_id for one in await scene.ledger.unreached(limit=9)} == {8, 9}


async def test_a_row_that_was_deleted_over_there_is_not_missing_here() -> None:
    scene = Scene()
    await scene.watch()
    scene.legacy.put(row(), at=START + timedelta(seconds=1))
    scene.at += timedelta(minutes=1)
    assert (await scene.watch()).missing == 1
    assert len(await scene.ledger.unreached(limit=9)) == 1
    scene.legacy.rows_there.clear()
    await scene.watch()
    assert await scene.ledger.unreached(limit=9) == []


@given(crashes=st.lists(st.integers(0, 60), max_size=4), rows=st.integers(1, 5), chunk=st.integers(1, 3))
def test_law_a_watcher_that_crashes_anywhere_raises_what_an_undisturbed_one_raises(
    crashes: list[int], rows: int, chunk: int
) -> None:
    async def play() -> None:
        scene = Scene(chunk)
        refs = [f"WEB-{n}" for n in range(rows)]
        await processing(scene.storage)(await accept(scene.storage, *(body(ref=ref) for ref in refs)))
        await scene.watch()
        for n, ref in enumerate(refs):
            moved = legacy_booking(
                LegacySystem.ADMIN, n, ref, tour_at=datetime(2031, 5, 2, tzinfo=UTC), ops_status="NEW"
            )
            scene.legacy.put(moved, at=START + timedelta(seconds=n))
        scene.at += timedelta(minutes=5)
        for after in crashes:
            task = asyncio.ensure_future(scene.watch())
            for _ in range(after):
                await asyncio.sleep(0)  # one step of the watcher, so that it is cut off at any of them
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await scene.watch()
        await scene.watch()
        assert scene.open_conflicts() == rows
        told = [entry.event_type for entry in scene.storage.tables.audit.values()]
        assert told.count("BOOKING_CONFLICT_RAISED") == rows

    asyncio.run(play())


def booking(ref: str, **more: object) -> BookingRow:
    contact = Contact(
        name=None, email=None, phone=None, phone_e164=None, email_kind=EmailKind.ABSENT, is_placeholder_name=True,
        is_placeholder_email=True, pickup_location=None, meeting_point=None,
    )  # fmt: skip
    defaults: dict[str, object] = {
        "key": BookingKey(uuid7()),
        "identity": BookingIdentity("GYG", ExternalRef(ref)),
        "version": 1,
        "payment_status": "PENDING_PAYMENT",
        "fulfilment_status": "ATTENTION",
        "reasons": (),
        "booked_at": START,
        "tour_date": datetime(2026, 5, 2, tzinfo=UTC).date(),
        "tour_time": None,
        "adult": 2,
        "child": 0,
        "infant": 0,
        "currency": "USD",
        "total_price": None,
        "note": None,
        "contact": contact,
        "package_ref_type": "LEGACY_PACKAGE",
        "package_ref_key": None,
        "legacy_package_id": None,
        "assigned_driver_id": None,
        "created_at": START,
        "updated_at": START,
    }
    return BookingRow(**{**defaults, **more})  # type: ignore[arg-type]  # the members are those of the row


@given(percent=st.floats(0, 100), reads=st.integers(0, 200))
def test_law_the_share_of_reads_is_the_percentage(percent: float, reads: int) -> None:
    queue = ShadowQueue(lambda: percent, lambda: START)
    for _ in range(reads):
        queue.offer([booking("GYG1")])
    assert abs(len(queue.take(reads)) - reads * percent / 100) <= 1


def test_law_the_queue_has_a_bound() -> None:
    queue = ShadowQueue(lambda: 100.0, lambda: START)
    for _ in range(3):
        queue.offer([booking("GYG1")] * 700)
    assert len(queue.take(10**6)) == MOST_WAITING
    queue.offer([booking("GYG1")])
    assert len(queue.take(10**6)) == 1


async def test_what_is_compared_is_counted_by_field_and_named() -> None:
    legacy, ledger = MemoryLegacyLive(), MemoryShadowLedger()
    queue = ShadowQueue(lambda: 100.0, lambda: START)
    compare = CompareShadows(queue=queue, legacy=legacy, ledger=ledger, now=lambda: START)
    legacy.put(
        legacy_booking(LegacySystem.ADMIN, 1, "GYG1", channel="GYG", note="vegan"),
        legacy_booking(LegacySystem.ADMIN, 2, "GYG2", channel="VIATOR"),
        legacy_booking(LegacySystem.ADMIN, 3, "GYG3", channel="GYG", updated_at=START + timedelta(seconds=1)),
    )
    queue.offer([booking("GYG1"), booking("GYG2"), booking("GYG3"), booking("GYG4")])
    assert await compare() == 4
    tallies = {one.about: (one.compared, one.mismatched) for one in await ledger.tallies(since=START)}
    assert tallies[ParityField.NOTE] == (1, 1)
    assert tallies[ParityField.STATUS] == (1, 0)
    [found] = await ledger.examples(limit=9)
    assert (found.identity.ref, found.about, found.core, found.legacy) == ("GYG1", ParityField.NOTE, "", "vegan")
    assert await compare() == 0


async def test_an_old_admin_that_is_away_is_an_outage_and_no_error() -> None:
    queue = ShadowQueue(lambda: 100.0, lambda: START)
    compare = CompareShadows(
        queue=queue, legacy=MemoryLegacyLive(lacks="bookings"), ledger=MemoryShadowLedger(), now=lambda: START
    )
    queue.offer([booking("GYG1")])
    with pytest.raises(Unavailable) as raised:
        await compare()
    assert isinstance(raised.value.__cause__, LegacyUnreadable)
    assert queue.take(9) == []
