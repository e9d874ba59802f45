"""The shop's payments as audits read them: by themselves, in a stream, or by the names that they share with others."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, LiteralString

from psycopg.rows import TupleRow

from bst_domain.migration import ShopPayment, StoredPayment

_SHOP_PAYMENT: LiteralString = """
select payment_id, payment.booking_id, booking_ref, booking.booking_id is not null, payment_date, round(amount, 2),
  payment.currency_code, payment_ref, gateway_capture_id, gateway_order_id
from "Payment" payment left join "Booking" booking on booking.booking_id = payment.booking_id
"""
SHOP_PAYMENTS: LiteralString = f"""
{_SHOP_PAYMENT} where %(since)s::timestamp is null or payment_date >= %(since)s::timestamp order by payment_id
"""
SHOP_PAYMENTS_LIKE: LiteralString = f"""
{_SHOP_PAYMENT} where payment_ref = any (%(payment_refs)s) or gateway_capture_id = any (%(capture_ids)s)
  or gateway_order_id = any (%(order_ids)s) or payment.booking_id = any (%(bookings)s) order by payment_id
"""


def names_of(payments: Sequence[StoredPayment]) -> Mapping[str, Any]:
    """The parameters of SHOP_PAYMENTS_LIKE."""
    return {
        "payment_refs": _known(payment.payment_ref for payment in payments),
        "capture_ids": _known(payment.capture_id for payment in payments),
        "order_ids": _known(payment.order_id for payment in payments),
        "bookings": sorted({booking for payment in payments for booking in payment.shop_ids}),
    }


def shop_payment(row: TupleRow) -> ShopPayment:
    """A row of either query. Times without a zone are UTC."""
    at = row[4]
    return ShopPayment(
        payment_id=row[0],
        booking_id=row[1],
        booking_ref=row[2],
        has_booking=row[3],
        paid_at=at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC),
        amount=row[5],
        currency=row[6],
        payment_ref=row[7],
        capture_id=row[8],
        order_id=row[9],
    )


def _known(names: Iterable[str | None]) -> list[str]:
    return sorted({name for name in names if name})
