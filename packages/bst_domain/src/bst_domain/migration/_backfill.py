"""Legacy rows as facts: what they are called, how good their proof is, and what money they report.

Source of the rules: semantics 9 and the legacy data's readings 1 to 5 and 11. Back-filled facts have origin 0, so whatever
channels and operators say stands above them, and running the same back-fill again changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from uuid import UUID

from attrs import frozen

from bst_domain.booking import Evidence, PaymentFact
from bst_domain.migration._legacy_words import LegacyPayment
from bst_domain.values import MAX_REF_LENGTH, NS_BOOKING, EventType, ExternalRef, PaymentKind, normalise_ref, uuid5


class LegacySystem(StrEnum):
    """The databases that are moved in; the value is the name that keys are made of."""

    SHOP = "balisnap"
    ADMIN = "bstadmin"


#: Total: the table of a booking, and the prefix of the reference that a booking without one gets.
BOOKING_TABLE: Mapping[LegacySystem, str] = {LegacySystem.SHOP: "Booking", LegacySystem.ADMIN: "bookings"}
BLANK_REF_PREFIX: Mapping[LegacySystem, str] = {LegacySystem.SHOP: "BS", LegacySystem.ADMIN: "OPS"}


class Rejection(StrEnum):
    """Why a legacy booking is not moved in; each is reported with its row."""

    NEGATIVE_TOTAL = "NEGATIVE_TOTAL"
    REF_TOO_LONG = "REF_TOO_LONG"
    AMOUNT_OUT_OF_RANGE = "AMOUNT_OUT_OF_RANGE"  # no number, or beyond what an amount here may be
    UNKNOWN_CHANNEL = "UNKNOWN_CHANNEL"  # a source of the old admin that is no channel of ours


@frozen
class BackfilledRefs:
    """The reference of a back-filled booking, and the other names that must find it."""

    ref: ExternalRef
    aliases: tuple[ExternalRef, ...]


def backfilled_refs(system: LegacySystem, row_id: int, raw: str | None) -> BackfilledRefs | Rejection:
    """A blank reference becomes ``BS-{id}`` or ``OPS-{id}``; the shop's live events call such a booking ``DIRECT-{id}``."""
    ref = normalise_ref(raw or "")
    if len(ref) > MAX_REF_LENGTH:
        return Rejection.REF_TOO_LONG
    if ref:
        return BackfilledRefs(ref, ())
    live = (normalise_ref(f"DIRECT-{row_id}"),) if system is LegacySystem.SHOP else ()
    return BackfilledRefs(normalise_ref(f"{BLANK_REF_PREFIX[system]}-{row_id}"), live)


class PaymentProof(IntEnum):
    """How well a legacy record is proven to be paid for; the best-proven one gives a booking's non-contact fields."""

    NONE = 0
    IS_PAID = 1
    IS_PAID_WITH_TIME = 2
    CAPTURED = 3
    CAPTURED_WITH_ID = 4


def payment_proof(
    *, captured: bool = False, capture_id: str | None = None, is_paid: bool = False, paid_at: datetime | None = None
) -> PaymentProof:
    """The proof of one record. A refunded, reversed or partly refunded row is no capture here; a blank id is none."""
    if captured:
        return PaymentProof.CAPTURED_WITH_ID if (capture_id or "").strip() else PaymentProof.CAPTURED
    if is_paid:
        return PaymentProof.IS_PAID if paid_at is None else PaymentProof.IS_PAID_WITH_TIME
    return PaymentProof.NONE


_ID_SPAN = 1 << 62


def backfilled_evidence(
    *, system: LegacySystem, row_id: int, updated_at: datetime, proof: PaymentProof, channel: str
) -> Evidence:
    """The stamp of everything that a legacy booking row says: proof, then updated_at, then shop before admin, lowest id.

    A back-filled row counts as CREATED: what it says is what ops have seen.
    """
    return Evidence(
        event_id=uuid5(NS_BOOKING, f"{system}:{BOOKING_TABLE[system]}:{row_id}"),
        event_time=updated_at,
        source=channel,
        event_type=EventType.CREATED,
        origin=0,
        proof=proof,
        tie=(_ID_SPAN if system is LegacySystem.SHOP else 0) + _ID_SPAN - 1 - row_id,
    )


_ATTEMPTS = {LegacyPayment.PENDING: PaymentKind.PENDING, LegacyPayment.FAILED: PaymentKind.FAILED}
_RETURNS = {
    LegacyPayment.REFUNDED: PaymentKind.REFUNDED,
    LegacyPayment.PARTIAL: PaymentKind.REFUNDED,
    LegacyPayment.REVERSED: PaymentKind.REVERSED,
}


@frozen(kw_only=True)
class LegacyPaymentRow:
    """A row of the shop's Payment table. ``amount`` may be negative: then it is a return."""

    payment_id: int
    payment: LegacyPayment
    raw_status: str
    amount: Decimal
    currency: str
    paid_at: datetime
    reference: str | None  # capture id, else order id, else payment_ref
    order_id: str | None
    provider: str = "PAYPAL"
    own_name: str | None = None  # payment_ref


def legacy_payment_facts(row: LegacyPaymentRow, event_id: UUID) -> tuple[PaymentFact, ...]:
    """The money that a legacy row reports, as facts.

    A refunded or reversed row with a positive amount is the capture and its return in one row, a partly refunded one the
    capture alone; with a negative amount any of them is the return alone.
    """
    returned = _RETURNS.get(row.payment)
    if returned is not None and row.amount <= 0:
        return (_fact(row, returned, -row.amount, event_id),)
    if returned is not None:
        capture = _fact(row, PaymentKind.CAPTURED, row.amount, event_id, partially=row.payment is LegacyPayment.PARTIAL)
        whole = row.payment is not LegacyPayment.PARTIAL
        return (capture, _fact(row, returned, row.amount, event_id)) if whole else (capture,)
    return (_fact(row, _ATTEMPTS.get(row.payment, PaymentKind.CAPTURED), row.amount, event_id),)


def _fact(
    row: LegacyPaymentRow, kind: PaymentKind, amount: Decimal, event_id: UUID, *, partially: bool = False
) -> PaymentFact:
    return PaymentFact(
        provider=row.provider,
        kind=kind,
        reference=row.reference or f"balisnap:Payment:{row.payment_id}",
        order_id=row.order_id,
        amount=amount,
        currency=row.currency,
        instant=row.paid_at,
        raw_status=row.raw_status,
        partially_returned=partially,
        event_id=event_id,
        event_time=row.paid_at,
        origin=0,
        also_called=None if row.own_name == row.reference else row.own_name,
    )


def weak_capture(*, amount: Decimal, currency: str | None, paid_at: datetime, evidence: Evidence) -> PaymentFact:
    """A header that says paid without a capture row: pending and failed rows do not undo it, a real capture replaces it."""
    return PaymentFact(
        provider="LEGACY_HEADER",
        kind=PaymentKind.CAPTURED,
        reference=str(evidence.event_id),
        order_id=None,
        amount=amount,
        currency=currency,
        instant=paid_at,
        raw_status="PAID",
        partially_returned=False,
        event_id=evidence.event_id,
        event_time=evidence.event_time,
        origin=0,
        weak=True,
    )
