"""The members of an event's body, one reader each: customer, booking, price, package, payment.

A reader returns a value or, after noting what is wrong, None. Rules: see ``event_v1``, which puts the members together.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from attrs import frozen

from bst_domain.booking import PackageRef, PackageRefType
from bst_domain.values import MINOR_UNITS, Money, is_clock_time, money, money_problem, parse_day, parse_instant

MAX_COUNT = 999
MAX_TEXT = 2000


@frozen
class Problem:
    """One thing that is wrong with a body: where (``booking.tourDate``), the machine string, and a sentence."""

    path: str
    code: str
    message: str


@frozen(kw_only=True)
class PaymentReport:
    """The additive ``payment`` member: a payment in the provider's own words."""

    provider: str
    reference: str
    order_id: str | None
    status: str
    amount: Decimal  # two decimals
    currency: str | None  # null only where a shop's payload leaves it to the booking
    instant: datetime


class Checker:
    """Collects problems; every reader returns a value or, after noting what is wrong, None."""

    __slots__ = ("problems",)

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, path: str, message: str, code: str | None = None) -> None:
        self.problems.append(Problem(path, code or f"INVALID_FIELD_{path.upper().replace('.', '_')}", message))

    def word(self, body: Mapping[str, Any], name: str) -> str | None:
        """A required, non-blank string, trimmed and in upper case."""
        value = body.get(name)
        if not isinstance(value, str):
            self.wrong(name, f"{name} must be a string" if name in body else f"{name} is required")
            return None
        if not (text := value.strip()):
            self.wrong(name, f"{name} must not be empty", f"EMPTY_FIELD_{name.upper()}")
            return None
        return text.upper()

    def text(self, path: str, value: Any, limit: int, *, nullable: bool = True) -> str | None:
        if value is None and nullable:
            return None
        if not isinstance(value, str):
            self.wrong(path, f"{path} must be a string{' or null' if nullable else ''}")
            return None
        text = value.strip()
        if len(text) > limit or not (text or nullable):
            self.wrong(path, f"{path} must have {'at most' if nullable else '1 to'} {limit} characters")
        return text

    def amount(self, path: str, value: Any, currency: str | None) -> Money | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(path, f"{path} must be a number")
            return None
        exact = Decimal(value) if isinstance(value, int) else Decimal(repr(value))
        problem = money_problem(currency or "USD", exact)  # a bad currency is reported already; USD: the general bounds
        if problem is not None:
            self.wrong(path, f"{path}: {problem}")
            return None
        return None if currency is None else money(currency, exact)

    def currency(self, path: str, value: Any) -> str | None:
        code = value.strip().upper() if isinstance(value, str) else ""
        if code not in MINOR_UNITS:
            self.wrong(path, f"{path} must be an ISO 4217 currency code")
            return None
        return code


_CUSTOMER_LIMITS = {"name": 191, "email": 191, "phone": 64}


def read_customer(check: Checker, body: Mapping[str, Any]) -> dict[str, str | None]:
    customer = body.get("customer", {})
    if not isinstance(customer, dict):
        check.wrong("customer", "customer must be an object")
        return {}
    return {
        name: check.text(f"customer.{name}", customer[name], limit)
        for name, limit in _CUSTOMER_LIMITS.items()
        if name in customer
    }


def _day(check: Checker, path: str, value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    if parse_day(text) is None:
        check.wrong(path, f"{path} must be a day, YYYY-MM-DD")
    return text


def _clock(check: Checker, path: str, value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    if not is_clock_time(text):
        check.wrong(path, f"{path} must be a time of day, HH:MM")
    return text


def _count(check: Checker, path: str, value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
        return value
    check.wrong(path, f"{path} must be an integer from 0 to {MAX_COUNT}")
    return None


def _long_text(check: Checker, path: str, value: Any) -> str | None:
    return check.text(path, value, MAX_TEXT)


_BOOKING_READERS: dict[str, Callable[[Checker, str, Any], str | int | None]] = {
    "tourDate": _day,
    "tourTime": _clock,
    "adult": _count,
    "child": _count,
    "infant": _count,
    "pickupLocation": _long_text,
    "meetingPoint": _long_text,
    "note": _long_text,
}
_BEFORE_PRICE = ("tourDate", "tourTime", "adult", "child", "infant")
_AFTER_PRICE = ("pickupLocation", "meetingPoint", "note")
_REQUIRED_IN_CREATED = frozenset({"tourDate", "adult"})


def read_booking(
    check: Checker, body: Mapping[str, Any], *, created: bool
) -> tuple[dict[str, str | int | None], Money | None, PackageRef | None]:
    booking = body.get("booking")
    if not isinstance(booking, dict):
        check.wrong("booking", "booking must be an object" if "booking" in body else "booking is required")
        return {}, None, None
    parts: dict[str, str | int | None] = {}

    def read(names: tuple[str, ...]) -> None:
        for name in names:
            if name in booking:
                parts[name] = _BOOKING_READERS[name](check, f"booking.{name}", booking[name])
            elif created and name in _REQUIRED_IN_CREATED:
                check.wrong(f"booking.{name}", f"booking.{name} is required in CREATED")

    read(_BEFORE_PRICE)
    price = _price(check, booking)
    read(_AFTER_PRICE)
    return parts, price, _package(check, booking)


def _price(check: Checker, booking: Mapping[str, Any]) -> Money | None:
    if "currency" not in booking and "totalPrice" not in booking:
        return None
    if "currency" not in booking:
        check.wrong("booking.currency", "booking.currency and booking.totalPrice come together or not at all")
        currency = None
    else:
        currency = check.currency("booking.currency", booking["currency"])
    if "totalPrice" not in booking:
        check.wrong("booking.totalPrice", "booking.currency and booking.totalPrice come together or not at all")
        return None
    return check.amount("booking.totalPrice", booking["totalPrice"], currency)


def _package(check: Checker, booking: Mapping[str, Any]) -> PackageRef | None:
    if not ("packageRefType" in booking or "packageRefKey" in booking or "legacyPackageId" in booking):
        return None
    before = len(check.problems)
    kind = booking.get("packageRefType", "LEGACY_PACKAGE" if booking.get("packageRefKey") is None else None)
    word = kind.strip().upper() if isinstance(kind, str) else ""
    if word not in PackageRefType.__members__:
        names = ", ".join(PackageRefType.__members__)
        check.wrong("booking.packageRefType", f"booking.packageRefType must be one of {names}")
    key = booking.get("packageRefKey")
    parsed = _uuid(key)
    if (key is not None and parsed is None) or (key is None and word.startswith("CATALOG_")):
        check.wrong(
            "booking.packageRefKey", "booking.packageRefKey must be a UUID; null is for an unmapped LEGACY_PACKAGE only"
        )
    legacy = booking.get("legacyPackageId")
    if legacy is not None and (isinstance(legacy, bool) or not isinstance(legacy, int)):
        check.wrong("booking.legacyPackageId", "booking.legacyPackageId must be an integer or null")
    return None if len(check.problems) > before else PackageRef(PackageRefType[word], parsed, legacy)


def _uuid(value: Any) -> UUID | None:
    text = value.strip() if isinstance(value, str) else ""
    if len(text) != 36:  # only the hyphenated spelling; uuid.UUID takes braces and urns, too
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


def read_payment(check: Checker, body: Mapping[str, Any]) -> PaymentReport | None:
    if "payment" not in body:
        return None
    report = body["payment"]
    if not isinstance(report, dict):
        check.wrong("payment", "payment must be an object")
        return None
    before = len(check.problems)
    provider = check.text("payment.provider", report.get("provider"), 64, nullable=False)
    reference = check.text("payment.reference", report.get("reference"), 128, nullable=False)
    order = check.text("payment.orderId", report.get("orderId"), 128)
    status = check.text("payment.status", report.get("status"), 64, nullable=False)
    # The contract lists the amount first, and the amount's bounds need the currency: look ahead without complaining.
    stated = report.get("currency")
    known = stated.strip().upper() if isinstance(stated, str) and stated.strip().upper() in MINOR_UNITS else None
    amount = check.amount("payment.amount", report.get("amount"), known)
    check.currency("payment.currency", stated)
    said = report.get("time")
    instant = parse_instant(said.strip()) if isinstance(said, str) else None
    if instant is None:
        check.wrong("payment.time", "payment.time must be an ISO 8601 instant with a zone")
    if len(check.problems) > before or provider is None or reference is None or status is None:
        return None
    assert amount is not None
    assert instant is not None
    return PaymentReport(
        provider=provider.upper(),
        reference=reference,
        order_id=order or None,
        status=status,
        amount=amount.amount,
        currency=amount.currency,
        instant=instant,
    )
