"""Reconciliation of the storage in memory. It has no catalog, and its payments are what the facts come to."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from bst_domain.booking import project
from bst_domain.gates import DuplicateFigures, ReconciliationCounts
from bst_domain.values import FulfilmentStatus, PaymentStatus, normalise_ref
from bst_testing.fakes.tables import Transaction


def _twins(keys: Iterable[object]) -> tuple[int, int]:
    """Groups of more than one, and what is beyond the first of each."""
    groups = [count for count in Counter(keys).values() if count > 1]
    return len(groups), sum(groups) - len(groups)


def _bookings(tables: Transaction) -> list[tuple[str, str]]:
    return [(identity.channel, normalise_ref(identity.ref)) for identity in tables.bookings]


def _contents(tables: Transaction) -> list[object]:
    contents = [row.event.content for row in tables.log.values()]
    return [
        (one.identity.channel, normalise_ref(one.identity.ref), one.event_type, one.second, one.fingerprint)
        for one in contents
    ]


def counted(tables: Transaction) -> ReconciliationCounts:
    """Everything, from the rows as they are."""
    named = [(channel, ref) for channel, ref in _bookings(tables) if channel and ref]
    booking_groups, booking_excess = _twins(named)
    event_groups, event_excess = _twins(_contents(tables))
    stored = tables.bookings.values()
    done = [booking for booking in stored if booking.statuses.fulfilment == FulfilmentStatus.DONE]
    return ReconciliationCounts(
        bookings=len(tables.bookings),
        null_identities=len(tables.bookings) - len(named),
        twin_booking_groups=booking_groups,
        twin_booking_excess=booking_excess,
        payments=sum(len(project(booking.facts, booking.ops, date(2026, 1, 1)).payments) for booking in stored),
        orphan_payments=0,
        done=len(done),
        done_not_paid=sum(booking.statuses.payment != PaymentStatus.PAID for booking in done),
        events=len(tables.log),
        twin_event_groups=event_groups,
        twin_event_excess=event_excess,
        unmapped=0,
        catalog_entities=0,
    )


def duplicates(tables: Transaction) -> DuplicateFigures:
    """There are no indexes here: accepting itself keeps keys and contents apart."""
    return DuplicateFigures(
        events=len(tables.log),
        bookings=len(tables.bookings),
        idempotency_excess=_twins(row.event.idempotency_key for row in tables.log.values())[1],
        secondary_excess=_twins(_contents(tables))[1],
        booking_excess=_twins(_bookings(tables))[1],
        guards={"accepting": None},
    )
