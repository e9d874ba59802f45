"""What back-fill's notes and every comparison must do before anything was moved in. ``marks`` and ``ours`` are one database."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from uuid import UUID

from bst_application.ports.comparing import ComparisonStore, MarkStore, Part
from bst_application.use_cases.compare_moved import CompareMoved
from bst_domain.migration import DifferenceKind, KeyRange, LegacySystem, SourceRow
from bst_testing.fakes.legacy import MemoryLegacy
from bst_testing.legacy_rows import legacy_booking

SHOP, ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
WHOLE = KeyRange(0, 1000)


async def digests(held: Mapping[int, int]) -> AsyncIterator[bytes]:
    """As a snapshot says them."""
    for key, digest in held.items():
        yield f"{key}\t{digest:0128b}\n".encode()


async def words(held: Mapping[int, str]) -> AsyncIterator[bytes]:
    """As a snapshot says them."""
    for key, word in held.items():
        yield f"{key}\t{word}\n".encode()


async def noted(ours: ComparisonStore, system: LegacySystem) -> Mapping[int, int]:
    async with ours.comparing() as comparison:
        return await comparison.source_marks(system).rows([WHOLE])


class ComparisonConformance:
    """A subclass gives ``marks`` and ``ours``, of an empty database."""

    async def test_what_was_noted_is_told_by_system(self, marks: MarkStore, ours: ComparisonStore) -> None:
        await marks.note_sources(SHOP, digests({1: 11, 2: 12}), resumed=False)
        await marks.note_sources(ADMIN, digests({1: 13}), resumed=False)
        assert (await noted(ours, SHOP), await noted(ours, ADMIN)) == ({1: 11, 2: 12}, {1: 13})

    async def test_a_fresh_run_notes_what_it_reads_and_forgets_the_rest(
        self, marks: MarkStore, ours: ComparisonStore
    ) -> None:
        await marks.note_sources(SHOP, digests({1: 11, 2: 12, 3: 13}), resumed=False)
        await marks.note_sources(SHOP, digests({1: 11, 2: 22, 4: 14}), resumed=False)
        assert await noted(ours, SHOP) == {1: 11, 2: 22, 4: 14}

    async def test_of_a_run_that_goes_on_what_changed_meanwhile_is_unknown(
        self, marks: MarkStore, ours: ComparisonStore
    ) -> None:
        await marks.note_sources(SHOP, digests({1: 11, 2: 12, 3: 13}), resumed=False)
        await marks.note_sources(SHOP, digests({1: 11, 2: 22, 4: 14}), resumed=True)
        assert await noted(ours, SHOP) == {1: 11, 2: 0, 4: 0}

    async def test_rows_that_lead_nowhere_are_unexplained(self, marks: MarkStore, ours: ComparisonStore) -> None:
        await marks.note_bookings(Part.BODY)
        async with ours.comparing() as comparison:
            await comparison.take_rows(SHOP, words({2: "PAID", 1: ""}))
            await comparison.take_rows(ADMIN, words({7: "NEW"}))
            await comparison.take_payments([(5, 2, UUID(int=5))])
            assert await comparison.unexplained_rows() == [
                SourceRow(SHOP, "Booking", 1),
                SourceRow(SHOP, "Booking", 2),
                SourceRow(ADMIN, "bookings", 7),
            ]
            of = await comparison.accounted(SHOP)
            assert (of.rows, of.moved, of.rejected, of.unexplained) == (2, 0, 0, 2)
            assert list((await comparison.payments_accounted()).others) == [(5, 2)]
            assert await comparison.unexpected_bookings() == []

    async def test_a_comparison_without_any_run_misses_every_booking(self, ours: ComparisonStore) -> None:
        legacy = MemoryLegacy(rows=[legacy_booking(SHOP, 1, "A"), legacy_booking(ADMIN, 2, "a", channel="GYG")])
        async with ours.comparing() as comparison:
            as_of = datetime(2026, 3, 1, tzinfo=UTC)
            report = await CompareMoved(legacy=legacy, ours=comparison, as_of=as_of, checksum="0")("D")
        assert report.why_all == "batch D has not come to its end"
        assert [(f.kind, f.name) for f in report.faults] == [
            (DifferenceKind.MISSING_HERE, "DIRECT A"),
            (DifferenceKind.MISSING_HERE, "GYG A"),
        ]
        failed = {check.name for check in report.checks if not check.passed}
        assert {"last_run", "row_count_parity_balisnap", "row_count_parity_bstadmin", "missing_here"} <= failed
