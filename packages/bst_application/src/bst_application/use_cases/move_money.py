"""Batch E: payments and finance of the legacy systems, and the statuses that follow from them.

Source of the rules: semantics 4 and 9, predecessor rules 9 with the defects 90 to 92 closed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import evolve, frozen

from bst_application.ports.backfill import BackfillStore, BackfillTransaction, MoneyMove
from bst_application.ports.bookings import StoredBooking, WrittenBy
from bst_application.ports.legacy import LegacySnapshot
from bst_application.turns import Turn
from bst_application.use_cases.backfill import Gathered, Tally, moving
from bst_application.use_cases.changing import change
from bst_domain.booking import later_payment
from bst_domain.migration import (
    LegacyBooking,
    LegacyCase,
    LegacyPaid,
    LegacySystem,
    MigrationException,
    Orphaned,
    QueueType,
    ToQueue,
    done_not_paid,
    is_done_not_paid,
    money_exceptions,
    orphan,
    orphaned_by_rejection,
    payment_facts,
    rows_to_name,
)
from bst_domain.values import BookingIdentity

BATCH = "E"


@frozen(kw_only=True)
class MoveMoney:
    """The work of batch E on one chunk. Batch D has moved the bookings in; ``as_of`` as there."""

    as_of: datetime
    now: datetime

    async def read(self, snapshot: LegacySnapshot, system: LegacySystem, ids: Sequence[int]) -> Sequence[LegacyBooking]:
        return await snapshot.money(system, ids)

    async def __call__(self, tx: BackfillTransaction, gathered: Gathered, *, dry_run: bool, turn: Turn) -> Tally:
        # The shop's rows may have had payments in an earlier run; a row of the old admin alone has nothing but finance.
        cases = [c for c in gathered.cases if c.finance is not None or len(c.admin_rows) < len(c.rows)]
        stored = await tx.load_for_money(sorted((case.identity for case in cases), key=lambda i: (i.channel, i.ref)))
        turn.locked()
        moved_in = self._moves(cases, stored)
        moves = [move for _, move in moved_in]
        exceptions = [
            done_not_paid(case, move.change.booking.payment_status)
            for case, move in moved_in
            if is_done_not_paid(move.change.booking.fulfilment_status, move.change.booking.payment_status)
        ]
        return await self._save(tx, gathered, moves, exceptions, dry_run=dry_run)

    async def _save(
        self,
        tx: BackfillTransaction,
        gathered: Gathered,
        moves: list[MoneyMove],
        exceptions: list[MigrationException],
        *,
        dry_run: bool,
    ) -> Tally:
        orphans = orphaned_by_rejection(gathered.rejected)
        exceptions += money_exceptions(gathered.rows, gathered.rejected)
        touched = [move for move in moves if move.payments or move.finance is not None or not move.change.is_unchanged]
        changed = sum(not move.change.is_unchanged for move in moves)
        tally = Tally(changed=changed, unchanged=len(moves) - changed, exceptions=len(exceptions))
        if not dry_run:
            tally.written = await tx.save_money(touched, now=self.now)
        tally.queued = await tx.queue([to_queue(each) for each in orphans], now=self.now)
        if not dry_run:
            await tx.list_exceptions(BATCH, [name for row in gathered.rows for name in rows_to_name(row)], exceptions)
        return tally

    def _moves(
        self, cases: Sequence[LegacyCase], stored: Mapping[BookingIdentity, StoredBooking]
    ) -> list[tuple[LegacyCase, MoneyMove]]:
        return [
            (case, self._move(case, booking)) for case in cases if (booking := stored.get(case.identity)) is not None
        ]

    def _move(self, case: LegacyCase, stored: StoredBooking) -> MoneyMove:
        legacy = {fact.key: fact for fact in payment_facts(case)}
        payments = {key: fact for key, fact in stored.facts.payments.items() if fact.origin}
        for key, fact in legacy.items():
            known = payments.get(key)
            payments[key] = fact if known is None else later_payment(known, fact)
        kept = {
            key: known if (known := stored.facts.payments.get(key)) == fact else fact for key, fact in payments.items()
        }
        finance = case.finance
        ops = stored.ops
        if finance is not None:
            ops = evolve(
                ops,
                cost_pattern_set=finance.pattern_id is not None,
                finance_items=finance.items,
                finance_items_paid=finance.items_paid,
                finance_validated=finance.validated_at is not None,
            )
        moved = change(
            key=stored.key,
            identity=stored.identity,
            stored=stored,
            facts=evolve(stored.facts, payments=kept),
            ops=ops,
            now=self.as_of,
            written_by=WrittenBy.BACKFILL,
        )
        return MoneyMove(change=moved, payments=[p for row in case.rows for p in row.payments], finance=finance)


def to_queue(exception: MigrationException) -> ToQueue:
    """An orphan payment as an entry of the unmapped queue."""
    detail = f"payment {exception.row.row_id} of {exception.channel or 'a booking'} {exception.ref}".rstrip()
    return ToQueue(type=QueueType.PAYMENT_LINKAGE, row=exception.row, reason=exception.detail, detail=detail)


async def queue_left_behind(
    store: BackfillStore, payments: Sequence[LegacyPaid], *, now: datetime, dry_run: bool
) -> Tally:
    """Payments whose booking has been deleted, which no chunk of bookings meets: listed by name, and queued."""
    orphans = [orphan(paid, Orphaned.BOOKING_DELETED) for paid in payments]
    tally = Tally(exceptions=len(orphans))
    if orphans:
        async with moving(store, dry_run=dry_run) as tx:
            tally.queued = await tx.queue([to_queue(each) for each in orphans], now=now)
            await tx.list_exceptions(BATCH, [each.row for each in orphans], orphans)
    return tally
