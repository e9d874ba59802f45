"""Rows of the legacy databases, column by column, as the domain's values."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import TupleRow

from bst_domain.migration import LegacyBooking, LegacyFinance, LegacyItem, LegacyPaid, LegacySystem

_SHOP, _ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN


def shop_booking(
    row: TupleRow, items: Mapping[int, Sequence[LegacyItem]], payments: Mapping[int, Sequence[LegacyPaid]]
) -> LegacyBooking:
    row_id = row[0]
    return LegacyBooking(
        **shared(row, _SHOP, "DIRECT"),
        status=row[15],
        status_v2=row[16],
        items=tuple(items.get(row_id, ())),
        payments=tuple(payments.get(row_id, ())),
    )


def admin_booking(row: TupleRow, finances: Mapping[int, LegacyFinance]) -> LegacyBooking:
    return LegacyBooking(
        **shared(row, _ADMIN, row[15]),
        ops_status=row[16],
        tour_time=row[17],
        pickup_location=row[18],
        driver_id=row[19],
        assigned_at=utc(row[20]),
        is_paid=row[21],
        paid_at=utc(row[22]),
        finance=finances.get(row[0]),
    )


def shop_money(
    row: TupleRow, items: Mapping[int, Sequence[LegacyItem]], payments: Mapping[int, Sequence[LegacyPaid]]
) -> LegacyBooking:
    row_id = row[0]
    return LegacyBooking(
        **shared_money(row, _SHOP, "DIRECT"),
        status=row[5],
        status_v2=row[6],
        items=tuple(items.get(row_id, ())),
        payments=tuple(payments.get(row_id, ())),
    )


def admin_money(row: TupleRow, finances: Mapping[int, LegacyFinance]) -> LegacyBooking:
    return LegacyBooking(
        **shared_money(row, _ADMIN, row[5]), is_paid=row[6], paid_at=utc(row[7]), finance=finances.get(row[0])
    )


def shared_money(row: TupleRow, system: LegacySystem, channel: str) -> dict[str, Any]:
    at = utc(row[2])
    return {
        "system": system,
        "channel": channel,
        "row_id": row[0],
        "ref": row[1],
        "tour_at": at,
        "created_at": at,
        "updated_at": at,
        "currency": row[3],
        "total": row[4],
        "adult": 0,
        "child": None,
        "package_id": None,
        "name": "",
        "email": "",
        "phone": "",
        "meeting_point": "",
        "note": None,
    }


def shared(row: TupleRow, system: LegacySystem, channel: str) -> dict[str, Any]:
    """The columns that both tables have, in the same places."""
    return {
        "system": system,
        "channel": channel,
        "row_id": row[0],
        "ref": row[1],
        "tour_at": utc(row[2]),
        "created_at": utc(row[3]),
        "updated_at": utc(row[4]),
        "currency": row[5],
        "total": row[6],
        "adult": row[7],
        "child": row[8],
        "package_id": row[9],
        "name": row[10],
        "email": row[11],
        "phone": row[12],
        "meeting_point": row[13],
        "note": row[14],
    }


def item(row: TupleRow, travellers: Mapping[int, Sequence[Mapping[str, Any]]]) -> LegacyItem:
    return LegacyItem(
        item_id=row[1],
        variant_id=row[2],
        departure_id=row[3],
        cancelled=row[4],
        currency=row[5],
        adult=row[6],
        child=row[7],
        infant=row[8],
        adult_unit_price=row[9],
        child_unit_price=row[10],
        discount=row[11],
        tax=row[12],
        total=row[13],
        snapshot=row[14],
        travellers=tuple(travellers.get(row[1], ())),
    )


def payment(row: TupleRow) -> LegacyPaid:
    paid_at = utc(row[2])
    assert paid_at is not None
    return LegacyPaid(
        booking_id=row[0],
        payment_id=row[1],
        paid_at=paid_at,
        amount=row[3],
        currency=row[4],
        method=row[5],
        status=row[6],
        status_v2=row[7],
        gateway=row[8],
        order_id=row[9],
        capture_id=row[10],
        payment_ref=row[11],
        raw=row[12],
    )


def finance(row: TupleRow) -> LegacyFinance:
    return LegacyFinance(
        finance_id=row[1],
        pattern_id=row[2],
        validated_at=utc(row[3]),
        locked=row[4],
        items=row[5],
        items_paid=row[6],
    )


def utc(stored: datetime | None) -> datetime | None:
    """Timestamps without a zone are UTC in both systems; nothing here ever asks where this machine stands."""
    if stored is None:
        return None
    return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)


def naive(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None)
