"""What a comparison knows of a database into which nothing has been moved yet, in memory: rows are noted and taken, none leads
to a booking."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

from attrs import define, field

from bst_application.ports.comparing import Figures, LastRun, Part, PaymentRows, RowsAccounted, StoredRecord
from bst_domain.migration import (
    BOOKING_TABLE,
    CatalogBridge,
    Difference,
    LegacySystem,
    MigrationException,
    PackageMap,
    SourceRow,
)
from bst_domain.values import BookingIdentity
from bst_testing.fakes.digests import MemoryDigests


@define
class MemoryComparison:
    """MarkStore, ComparisonStore and its transaction."""

    noted: dict[LegacySystem, dict[int, int]] = field(factory=dict)
    taken: dict[LegacySystem, dict[int, str]] = field(factory=dict)
    payments: list[tuple[int, int]] = field(factory=list)

    async def note_sources(self, system: LegacySystem, lines: AsyncIterator[bytes], *, resumed: bool) -> None:
        text = b"".join([block async for block in lines]).decode()
        read = {int(key): int(digest, 2) for key, digest in (line.split("\t") for line in text.splitlines())}
        known = self.noted.get(system, {})
        self.noted[system] = {
            key: digest if not resumed or known.get(key) == digest else 0 for key, digest in read.items()
        }

    async def note_bookings(self, part: Part) -> None:
        """There are none."""

    @asynccontextmanager
    async def comparing(self) -> AsyncIterator["MemoryComparison"]:
        self.taken, self.payments = {}, []
        yield self

    async def last_run(self, batch: str) -> LastRun | None:  # noqa: ARG002 - there was none
        return None

    def source_marks(self, system: LegacySystem) -> MemoryDigests:
        return MemoryDigests(self.noted.get(system, {}))

    def stored(self, part: Part) -> MemoryDigests:  # noqa: ARG002 - no bookings
        return MemoryDigests({})

    def booking_marks(self, part: Part) -> MemoryDigests:  # noqa: ARG002 - no bookings
        return MemoryDigests({})

    async def take_rows(self, system: LegacySystem, lines: AsyncIterator[bytes]) -> None:
        text = b"".join([block async for block in lines]).decode()
        self.taken[system] = {int(key): word for key, word in (line.split("\t") for line in text.splitlines())}

    async def take_payments(self, payments: Sequence[tuple[int, int, UUID]]) -> None:
        self.payments += [(payment, booking) for payment, booking, _ in payments]

    async def accounted(self, system: LegacySystem) -> RowsAccounted:
        rows = len(self.taken.get(system, ()))
        return RowsAccounted(rows=rows, bookings=0, moved=0, rejected=0, unexplained=rows)

    async def unexplained_rows(self) -> list[SourceRow]:
        return [
            SourceRow(of, BOOKING_TABLE[of], row_id) for of in LegacySystem for row_id in sorted(self.taken.get(of, ()))
        ]

    async def unexpected_bookings(self) -> list[UUID]:
        return []

    async def strays(self) -> list[Difference]:
        return []

    async def payments_accounted(self) -> PaymentRows:
        return PaymentRows(linked=0, orphans=0, rejected=0, others=sorted(self.payments))

    async def sources_of(self, keys: Sequence[UUID]) -> Mapping[UUID, list[SourceRow]]:  # noqa: ARG002 - no bookings
        return {}

    async def records(
        self,
        identities: Sequence[BookingIdentity],  # noqa: ARG002 - no bookings
        keys: Sequence[UUID],  # noqa: ARG002 - no bookings
    ) -> tuple[Mapping[BookingIdentity, StoredRecord], Mapping[UUID, StoredRecord]]:
        return {}, {}

    async def spoiled(self, part: Part, keys: Sequence[UUID]) -> Mapping[UUID, str]:  # noqa: ARG002 - no bookings
        return {}

    async def packages(self) -> PackageMap:
        return PackageMap()

    async def figures(self, today: date) -> Figures:  # noqa: ARG002 - no bookings
        return Figures(
            bookings=0,
            live_only=0,
            adults=0,
            children=0,
            infants=0,
            header_pax=0,
            item_pax=0,
            pax_mismatches=0,
            totals=(),
            payments_here=0,
            payment_totals=(),
            drift={},
            duplicates=0,
            orphans={},
            due_for_recompute=0,
        )

    async def exceptions(self, batch: str) -> list[MigrationException]:  # noqa: ARG002 - nothing is listed
        return []

    async def queued(self) -> Mapping[str, Mapping[str, int]]:
        return {}

    async def queued_payments(self) -> frozenset[int]:
        return frozenset()

    async def catalog_differences(
        self,
        bridge: CatalogBridge,  # noqa: ARG002 - tests give none
    ) -> tuple[Sequence[Difference], Mapping[str, tuple[int, int]]]:
        return (), {}
