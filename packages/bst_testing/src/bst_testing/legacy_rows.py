"""Legacy rows with sensible defaults, for suites and tests."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bst_domain.migration import LegacyBooking, LegacyFinance, LegacyItem, LegacyPaid, LegacySystem

AT = datetime(2026, 1, 10, 3, 4, 5, 678000, tzinfo=UTC)


def legacy_booking(system: LegacySystem, row_id: int, ref: str | None, **more: Any) -> LegacyBooking:
    """A row; members replace the defaults."""
    defaults: dict[str, Any] = {
        "system": system,
        "row_id": row_id,
        "channel": "DIRECT",
        "ref": ref,
        "tour_at": datetime(2026, 5, 1, 22, 30, tzinfo=UTC),
        "created_at": AT,
        "updated_at": AT,
        "currency": "USD",
        "total": Decimal("150.00"),
        "adult": 2,
        "child": None,
        "package_id": None,
        "name": "Annika Brandstätter",
        "email": "annika@mail.example.org",
        "phone": "+49 170 1234567",
        "meeting_point": "",
        "note": None,
    }
    if system is LegacySystem.SHOP:
        defaults["status"] = "paid"
    return LegacyBooking(**{**defaults, **more})


def legacy_item(item_id: int, **more: Any) -> LegacyItem:
    """An item of two adults."""
    defaults: dict[str, Any] = {
        "item_id": item_id,
        "variant_id": 1,
        "departure_id": None,
        "cancelled": False,
        "currency": "USD",
        "adult": 2,
        "child": 0,
        "infant": 0,
        "adult_unit_price": Decimal("75.00"),
        "child_unit_price": Decimal("0.00"),
        "discount": Decimal("0.00"),
        "tax": Decimal("0.00"),
        "total": Decimal("150.00"),
    }
    return LegacyItem(**{**defaults, **more})


def legacy_paid(payment_id: int, booking_id: int, **more: Any) -> LegacyPaid:
    """A capture of the whole price."""
    defaults: dict[str, Any] = {
        "payment_id": payment_id,
        "booking_id": booking_id,
        "paid_at": AT,
        "amount": Decimal("150.00"),
        "currency": "USD",
        "method": "paypal",
        "status": "COMPLETED",
        "status_v2": "COMPLETED",
        "gateway": "paypal",
        "order_id": f"O-{payment_id}",
        "capture_id": f"C-{payment_id}",
        "payment_ref": f"PAY-{payment_id}",
    }
    return LegacyPaid(**{**defaults, **more})


def legacy_finance(finance_id: int, *, items: int = 1, items_paid: int = 1, **more: Any) -> LegacyFinance:
    """A settled one."""
    defaults: dict[str, Any] = {"pattern_id": 1, "validated_at": AT, "locked": True}
    return LegacyFinance(finance_id=finance_id, items=items, items_paid=items_paid, **{**defaults, **more})
