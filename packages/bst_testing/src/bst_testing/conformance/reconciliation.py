"""What everybody who counts for reconciliation must find. Source of the rules: predecessor gates 4.2."""

from typing import Protocol

import pytest
from attrs import fields

from bst_application.ports.reconciliation import ReconciliationReader
from bst_domain.gates import ReconciliationCounts
from bst_testing.conformance.booking_store import STORY, BookingStorage, accept, processing
from bst_testing.deliveries import body, paid

EMPTY = ReconciliationCounts(**{each.name: 0 for each in fields(ReconciliationCounts)})


class ReconciledStorage(BookingStorage, ReconciliationReader, Protocol):
    """Somebody who counts, beside what is counted."""


class ReconciliationConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, ``settled`` and ``misspell``."""

    @pytest.fixture
    def storage(self) -> ReconciledStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def settled(self, storage: ReconciledStorage, ref: str) -> None:
        """Makes a DIRECT booking's fulfilment DONE, whatever its payment."""
        raise NotImplementedError("a subclass writes it")

    async def misspell(self, storage: ReconciledStorage, ref: str, spelling: str) -> None:
        """Stores another spelling in place of a DIRECT reference, in the booking and in its events."""
        raise NotImplementedError("a subclass writes it")

    async def test_nothing_comes_to_nothing(self, storage: ReconciledStorage) -> None:
        assert await storage.reconciliation_counts() == EMPTY
        found = await storage.duplicates()
        assert (found.idempotency_excess, found.secondary_excess, found.booking_excess) == (0, 0, 0)
        assert set(found.guards.values()) == {None}

    async def test_what_was_taken_in_agrees_with_itself(self, storage: ReconciledStorage) -> None:
        said = [*STORY, body(ref="WEB-2"), body("UPDATED", ref="WEB-2", raw=paid("P-2"))]
        await processing(storage)(await accept(storage, *said))
        counts = await storage.reconciliation_counts()
        assert (counts.bookings, counts.events, counts.payments) == (2, 10, 3)
        assert (counts.null_identities, counts.twin_booking_excess, counts.twin_event_excess) == (0, 0, 0)
        assert (counts.orphan_payments, counts.done, counts.done_not_paid) == (0, 0, 0)

    async def test_an_order_that_becomes_a_capture_leaves_no_orphan(self, storage: ReconciledStorage) -> None:
        told = [
            body("UPDATED", raw=paid("O-1", "PENDING", orderId="O-1")),
            body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-1", orderId="O-1")),
            body("UPDATED", ref="WEB-2", raw=paid("P-1")),  # a reference that another booking has shown already
        ]
        for event_id in await accept(storage, *told):
            await processing(storage)([event_id])
        counts = await storage.reconciliation_counts()
        assert counts.payments >= 2
        assert counts.orphan_payments == 0

    async def test_done_without_payment_is_counted(self, storage: ReconciledStorage) -> None:
        said = [body(), body(ref="WEB-2"), body("UPDATED", ref="WEB-2", raw=paid("P-2")), body(ref="WEB-3")]
        await processing(storage)(await accept(storage, *said))
        await self.settled(storage, "WEB-1")
        await self.settled(storage, "WEB-2")
        counts = await storage.reconciliation_counts()
        assert (counts.done, counts.done_not_paid) == (2, 1)

    @pytest.mark.parametrize(
        ("ref", "spelling"),
        [
            ("WEB-1", "web-1"),
            ("WEB-1", " WEB- 1"),
            ("WEB-1", "WEB-1\t"),
            ("WEB-1", "WEB\N{NO-BREAK SPACE}-1\v"),
            ("VIP-1", "vip-1"),
        ],
    )
    async def test_another_spelling_is_a_twin(self, storage: ReconciledStorage, ref: str, spelling: str) -> None:
        await processing(storage)(await accept(storage, body(ref=ref), body(ref="WEB-2")))
        await self.misspell(storage, "WEB-2", spelling)
        counts = await storage.reconciliation_counts()
        assert (counts.twin_booking_groups, counts.twin_booking_excess, counts.null_identities) == (1, 1, 0)
        assert (await storage.duplicates()).booking_excess == 1

    async def test_no_letter_is_white_space(self, storage: ReconciledStorage) -> None:
        await processing(storage)(await accept(storage, body(), body(ref="WEB-2")))
        await self.misspell(storage, "WEB-2", "WEB-1v")
        assert (await storage.reconciliation_counts()).twin_booking_groups == 0

    @pytest.mark.parametrize("spelling", ["", "  "])
    async def test_a_blank_reference_is_no_identity_and_no_twin(
        self, storage: ReconciledStorage, spelling: str
    ) -> None:
        await processing(storage)(await accept(storage, body(), body(ref="WEB-2")))
        await self.misspell(storage, "WEB-2", spelling)
        counts = await storage.reconciliation_counts()
        assert (counts.null_identities, counts.twin_booking_groups) == (1, 0)
