"""What to write for a booking when its facts, or what operations know of it, have moved."""

from datetime import datetime
from typing import Any

from bst_application.ports.bookings import BookingChange, RecordedFacts, Statuses, StoredBooking, WrittenBy
from bst_domain.booking import NO_OPS, BookingFacts, OpsInputs, project, shown
from bst_domain.ingest import ExternalReference
from bst_domain.values import BookingIdentity, BookingKey, bali_day


def change(
    *,
    key: BookingKey,
    identity: BookingIdentity,
    stored: StoredBooking | None,
    facts: BookingFacts,
    now: datetime,
    recorded: tuple[RecordedFacts, ...] = (),
    references: tuple[ExternalReference, ...] = (),
    ops: OpsInputs | None = None,
    touched: bool = False,
    written_by: WrittenBy = WrittenBy.INGEST,
) -> BookingChange:
    """The version moves exactly when something visible does; ``touched``: something does that neither facts nor statuses tell.

    ``ops`` is what operations know from now on; None: what they knew before.
    """
    if ops is None:
        ops = NO_OPS if stored is None else stored.ops
    booking = project(facts, ops, bali_day(now))
    statuses = Statuses(payment=booking.payment_status, fulfilment=booking.fulfilment_status, reasons=booking.reasons)
    if stored is None:
        version = 1
        changed = frozenset(facts.registers)
    else:
        same = (facts, statuses, ops.package) == (stored.facts, stored.statuses, stored.ops.package) and not touched
        version = stored.version if same else stored.version + 1
        known, seen = shown(stored.facts), shown(facts)
        changed = frozenset(n for n, fact in seen.items() if (of := known.get(n)) is not fact and of != fact)
        if facts.holds:  # only a conflict makes a field show nothing again
            changed |= known.keys() - seen.keys()
    return BookingChange(
        key=key,
        identity=identity,
        version=version,
        before=stored,
        facts=facts,
        ops=ops,
        booking=booking,
        changed=changed,
        recorded=recorded,
        references=references,
        written_by=written_by,
    )


def as_audited(version: int, statuses: Statuses) -> dict[str, Any]:
    """A booking's state in the metadata of an audit entry: no guest data."""
    return {
        "version": version,
        "customerPaymentStatus": statuses.payment.value,
        "opsFulfillmentStatus": statuses.fulfilment.value,
        "statusReasons": [reason.value for reason in statuses.reasons],
    }
