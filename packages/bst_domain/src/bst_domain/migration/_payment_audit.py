"""Payments here held against the shop's own rows: E-03 (a sample, by name) and G-06 (all of them, day by day).

Source of the rules: predecessor gates 4.2 (E-03) and 4.3 (G-06). A payment is found by its reference, then by its capture, then
by its order, then by its booking with the same money; amount, currency and booking must be equal.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from attrs import frozen

from bst_domain.migration._backfill import BackfilledRefs, LegacySystem, backfilled_refs
from bst_domain.migration._batch_gates import check
from bst_domain.migration._gates import Check, ratio
from bst_domain.values import CENT, BookingIdentity, ExternalRef


@frozen(kw_only=True)
class ShopPayment:
    """A row of the shop's Payment table, and what its booking is called there (None: that has been deleted)."""

    payment_id: int
    booking_id: int
    booking_ref: str | None
    has_booking: bool
    paid_at: datetime
    amount: Decimal
    currency: str
    payment_ref: str | None
    capture_id: str | None
    order_id: str | None

    @property
    def booking_names(self) -> frozenset[ExternalRef]:
        """Under which the booking may be here."""
        if not self.has_booking:
            return frozenset()
        found = backfilled_refs(LegacySystem.SHOP, self.booking_id, self.booking_ref)
        return frozenset({found.ref, *found.aliases}) if isinstance(found, BackfilledRefs) else frozenset()


@frozen(kw_only=True)
class StoredPayment:
    """A row of payment_event, and the booking that it stands at. ``shop_ids`` are the shop's ids of that booking."""

    key: UUID
    booking: BookingIdentity
    shop_ids: frozenset[int]
    paid_at: datetime
    amount: Decimal
    currency: str | None
    payment_ref: str | None
    capture_id: str | None
    order_id: str | None


class PaymentFault(StrEnum):
    """Why a payment does not agree."""

    NOT_FOUND = "SOURCE_PAYMENT_NOT_FOUND"
    MISMATCH = "SOURCE_PAYLOAD_MISMATCH"


@frozen(kw_only=True)
class PaymentDifference:
    """A payment that does not agree with the shop's row; ``payment_id`` is that row."""

    key: UUID
    fault: PaymentFault
    payment_id: int | None = None
    amount_matches: bool = False
    currency_matches: bool = False
    booking_matches: bool = False


def audit_payment(stored: StoredPayment, candidates: Iterable[ShopPayment]) -> PaymentDifference | None:
    """None where the shop says the same. ``candidates`` are rows that share any name or the booking with it."""
    rows = list(candidates)
    for named in _stages(stored, rows):
        if named:
            differences = [compare_payment(stored, row) for row in named]
            return None if None in differences else differences[0]
    return PaymentDifference(key=stored.key, fault=PaymentFault.NOT_FOUND)


def _stages(stored: StoredPayment, rows: Sequence[ShopPayment]) -> Iterable[list[ShopPayment]]:
    yield [row for row in rows if _same(stored.payment_ref, row.payment_ref)]
    yield [row for row in rows if _same(stored.capture_id, row.capture_id)]
    yield [row for row in rows if _same(stored.order_id, row.order_id)]
    yield [row for row in rows if _same_booking(stored, row) and _same_money(stored, row)]


def compare_payment(stored: StoredPayment, row: ShopPayment) -> PaymentDifference | None:
    """What differs between a payment and the row that it is."""
    amount, currency = stored.amount == row.amount.quantize(CENT), _currency(stored.currency) == _currency(row.currency)
    booking = _same_booking(stored, row)
    if amount and currency and booking:
        return None
    return PaymentDifference(
        key=stored.key,
        fault=PaymentFault.MISMATCH,
        payment_id=row.payment_id,
        amount_matches=amount,
        currency_matches=currency,
        booking_matches=booking,
    )


def _same(ours: str | None, theirs: str | None) -> bool:
    name = (ours or "").strip()
    return bool(name) and name == (theirs or "").strip()[:128]


def _same_booking(stored: StoredPayment, row: ShopPayment) -> bool:
    return row.booking_id in stored.shop_ids or stored.booking.ref in row.booking_names


def _same_money(stored: StoredPayment, row: ShopPayment) -> bool:
    return stored.amount == row.amount.quantize(CENT) and _currency(stored.currency) == _currency(row.currency)


def _currency(code: str | None) -> str:
    return (code or "").strip().upper()


@frozen(kw_only=True)
class PaymentDayFigures:
    """G-06: the shop's payments, those here, and what does not agree. ``queued`` rows wait in the unmapped queue by name."""

    shop_rows: int
    queued: int
    matched: int
    differing: int
    missing: int  # in the shop, neither here nor queued
    only_here: int  # DIRECT, and unknown to the shop

    @property
    def mismatches(self) -> int:
        return self.differing + self.missing + self.only_here

    @property
    def compared(self) -> int:
        return self.shop_rows - self.queued + self.only_here

    @property
    def mismatch_percent(self) -> Decimal | None:
        return ratio(self.mismatches, self.compared, scale=100, digits=4)


def payment_day_checks(figures: PaymentDayFigures, *, max_percent: Decimal) -> list[Check]:
    """G-06: what the shop took and what is here are the same money."""
    name = "G-06_daily_payment_mismatch_percent"
    return [check(name, figures.mismatch_percent, figures.compared, max_percent)]
