"""A moved booking as table rows: what live ingest writes too, and what only the legacy systems know."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from bst_application.ports.backfill import BookingMove, MoneyMove
from bst_domain.booking import SettlementStatus, settlement_status
from bst_domain.migration import (
    LegacyBooking,
    LegacyPaid,
    LegacySystem,
    active_items,
    payment_method,
    payment_row,
    row_of,
    standing_items,
)
from bst_domain.values import (
    NS_BOOKING,
    external_ref_key,
    finance_key,
    shop_item_key,
    shop_payment_key,
    uuid5,
)
from bst_postgres.bookings import rows as live
from bst_postgres.bookings.rows import Row

BACKFILL = "BACKFILL"
ID_KIND: Mapping[LegacySystem, str] = {
    LegacySystem.SHOP: "BALISNAP_BOOKING_ID",
    LegacySystem.ADMIN: "BSTADMIN_BOOKING_ID",
}


def state_row(move: BookingMove) -> Row:
    return {
        **live.state_row(move.change),
        "assigned_driver_id": move.driver_id,
        "assigned_at": move.assigned_at,
        "updated_from_source": move.case.survivor.system.value,
    }


def party_row(move: BookingMove) -> Row:
    travellers = [traveller for item in active_items(move.case.survivor) for traveller in item.travellers]
    return {**live.party_row(move.change), "traveler_rows": travellers or None}


def item_rows(move: BookingMove, variants: Mapping[int, UUID]) -> list[Row]:
    """The surviving row's items where the booking is what it says, else the one that stands for a stated total."""
    items = standing_items(move.case, move.change.facts)
    if not items:
        return list(live.item_rows(move.change))
    return [
        {
            "booking_item_key": shop_item_key(item.item_id),
            "booking_key": move.change.key,
            "variant_key": variants.get(item.variant_id),
            "variant_external_id": str(item.variant_id),
            "departure_external_id": None if item.departure_id is None else str(item.departure_id),
            "currency_code": item.currency.upper(),
            "adult_qty": item.adult,
            "child_qty": item.child,
            "infant_qty": item.infant,
            "adult_unit_price": item.adult_unit_price,
            "child_unit_price": item.child_unit_price,
            "discount_amount": item.discount,
            "tax_amount": item.tax,
            "total_amount": item.total,
            "snapshot_json": item.snapshot,
        }
        for item in items
    ]


def reference_rows(move: BookingMove) -> Iterable[Row]:
    """The legacy rows' ids, and every name under which live events or other rows may call the booking."""
    change, case = move.change, move.case
    channel = change.identity.channel
    for row in case.rows:
        yield _reference(move, ID_KIND[row.system], str(row.row_id), row)
    names = {case.identity.ref, *case.aliases} - {change.identity.ref}
    for name in sorted(names):
        yield {**_reference(move, "BOOKING_REF", name, case.survivor), "channel_code": channel}


def _reference(move: BookingMove, kind: str, ref: str, row: LegacyBooking) -> Row:
    source, channel = row_of(row), move.change.identity.channel
    return {
        "external_ref_key": external_ref_key(kind, channel, ref),
        "entity_type": "BOOKING",
        "entity_key": move.change.key,
        "channel_code": channel,
        "external_ref_kind": kind,
        "external_ref": ref,
        "source_system": source.system.value,
        "source_table": source.table,
        "source_pk": str(source.row_id),
    }


def assignment_row(move: BookingMove) -> Row:
    assert move.driver_id is not None
    return {
        "assignment_key": uuid5(NS_BOOKING, f"backfill:{move.change.key}:assignment:{move.driver_id}"),
        "booking_key": move.change.key,
        "driver_id": move.driver_id,
        "assignment_source": BACKFILL,
        "assigned_at": move.assigned_at or move.case.survivor.updated_at,
        "is_active": True,
    }


def payment_rows(move: MoneyMove) -> Iterable[Row]:
    """One a shown payment that the shop's rows report; what live events report has its row already."""
    reported: dict[UUID, LegacyPaid] = {shop_payment_key(paid.payment_id): paid for paid in move.payments}
    for payment in move.change.booking.payments:
        paid = reported.get(payment.latest.event_id)
        if paid is None:
            continue
        row = payment_row(paid)
        yield {
            "payment_key": payment.latest.event_id,
            "booking_key": move.change.key,
            "payment_time": row.paid_at,
            "amount": row.amount,  # with its sign, as the shop has it
            "currency_code": row.currency,
            "method": payment_method(paid.method),
            "gateway": None if paid.gateway is None else paid.gateway[:64],
            "gateway_order_id": row.order_id,
            "gateway_capture_id": (paid.capture_id or "").strip()[:128] or None,
            "payment_ref": (paid.payment_ref or "").strip()[:128] or None,
            "status_raw": row.raw_status,
            "payment_status_v2": payment.status,
            "raw_payload": paid.raw,
        }


def finance_row(move: MoneyMove, now: datetime) -> Row:
    finance = move.finance
    assert finance is not None
    status: SettlementStatus = settlement_status(finance.items, finance.items_paid)
    return {
        "finance_bridge_key": finance_key(finance.finance_id),
        "booking_key": move.change.key,
        "booking_finance_id": finance.finance_id,
        "pattern_id": finance.pattern_id,
        "validated_at": finance.validated_at,
        "is_locked": finance.locked,
        "settlement_status": status,
        "last_reconciled_at": now,
    }
