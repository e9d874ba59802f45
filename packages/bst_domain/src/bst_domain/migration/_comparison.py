"""What was moved in against what it must come to: differences with their rule, and whose word explains them.

Source of the rules: semantics 2 to 5, 8 and 9; the legacy data's readings.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from attrs import evolve, frozen

from bst_domain.booking import Booking, BookingFacts, Evidence, Field, OpsInputs, PaymentFact, project
from bst_domain.migration._legacy_case import LegacyCase, booking_facts, said_by_rows
from bst_domain.migration._legacy_money import payment_facts
from bst_domain.migration._package_map import PackageMap as Packages


class DifferenceKind(StrEnum):
    MISSING_HERE = "MISSING_HERE"
    UNEXPECTED_HERE = "UNEXPECTED_HERE"
    FIELD_DIFFERS = "FIELD_DIFFERS"


@frozen(kw_only=True)
class Difference:
    """One thing that is not what it must be. ``explained``: who said so later, or why time alone made it so; then it is no fault.

    ``expected`` is what the legacy rows alone come to; ``found`` is what is stored. None: there is nothing.
    """

    kind: DifferenceKind
    entity: str  # BOOKING, ITEM, PAYMENT, SOURCE_ROW, PRODUCT …
    key: str
    name: str  # what a person calls it: "GYG GYG123"
    field: str
    expected: str | None
    found: str | None
    rule: str
    explained: str | None = None


#: Each field of a booking that is compared -> the rule that it keeps. Money's are batch E's, the others batch D's.
BODY_RULES: Mapping[str, str] = {
    "bookingKey": "v5 of the canonical identity, whichever row survives (semantics 1)",
    "bookedAt": "the earliest created_at of the rows (semantics 6)",
    "tourDate": "the Bali day of the surviving row's instant (semantics 9)",
    "tourTime": "as the old admin wrote it, where it is a time (semantics 9)",
    "currency": "of the surviving row, upper-case (semantics 9)",
    "totalPrice": "of the surviving row; its items that are not cancelled come first (semantics 9)",
    "adult": "of the surviving row; its items that are not cancelled come first (semantics 9)",
    "child": "of the surviving row; its items that are not cancelled come first (semantics 9)",
    "infant": "of the items that are not cancelled (semantics 9)",
    "packageRefType": "variant of the lowest item, else the row's package, as the catalog bridge matched them (semantics 8)",
    "packageRefKey": "variant of the lowest item, else the row's package, as the catalog bridge matched them (semantics 8)",
    "legacyPackageId": "of the surviving row (semantics 8)",
    "note": "of the best-proven row that has one (semantics 9)",
    "meetingPoint": "of the best-proven row that has one (semantics 9)",
    "pickupLocation": "of the best-proven row that has one (semantics 9)",
    "mainName": "personal over relay over placeholder, then the later row (semantics 3)",
    "mainEmail": "personal over relay over placeholder, then the later row (semantics 3)",
    "phone": "a usable number over none, then the later row (semantics 3)",
    "phoneE164": "the number in E.164 (semantics 3)",
    "isPlaceholderName": "true for anything below personal (semantics 3)",
    "isPlaceholderEmail": "true for anything below personal (semantics 3)",
    "assignedDriverId": "of the old admin's best row (semantics 9)",
    "activeAssignment": "who is assigned has one active assignment, and nobody else has (semantics 9)",
    "party": "the party's row says what the booking says (semantics 9)",
    "sources": "every legacy row of the booking leads to it (semantics 1)",
    "otherColumns": "what back-fill wrote stands until somebody says otherwise (semantics 9)",
    "item": "the surviving row's items that are not cancelled, else one that stands for the total (semantics 9)",
}
MONEY_RULES: Mapping[str, str] = {
    "customerPaymentStatus": "a function of the set of payment facts (semantics 4)",
    "opsFulfillmentStatus": "the first rule that matches on the day in Bali (semantics 5)",
    "statusReasons": "what operations should know of the status, as it follows from the same facts (semantics 5)",
    "stateStatus": "operations see the status that the booking has (semantics 5)",
    "paidAt": "the earliest capture, else the old admin's, and only when PAID (semantics 9)",
    "isPaid": "true exactly when the customer's payment status is PAID (semantics 4)",
    "settlementStatus": "SETTLED is at least one item and all paid (semantics 5)",
    "patternId": "of the old admin's finance, which is its writer until cut-over (semantics 10)",
    "validatedAt": "of the old admin's finance, which is its writer until cut-over (semantics 10)",
    "isLocked": "of the old admin's finance, which is its writer until cut-over (semantics 10)",
    "otherColumns": "what back-fill wrote stands until somebody says otherwise (semantics 9)",
    "payment": "one row a payment reference, as the shop's rows report it (semantics 4 and 9)",
    "paymentFact": "what was said of a payment, as the shop's rows and live events report it (semantics 4 and 9)",
}
RULES: Mapping[str, str] = {**BODY_RULES, **MONEY_RULES}
#: Fields that one register of a booking stands behind.
REGISTERS: Mapping[str, Field] = {
    "tourDate": Field.TOUR_DATE,
    "tourTime": Field.TOUR_TIME,
    "currency": Field.TOTAL_PRICE,
    "totalPrice": Field.TOTAL_PRICE,
    "adult": Field.ADULT,
    "child": Field.CHILD,
    "infant": Field.INFANT,
    "packageRefType": Field.PACKAGE,
    "packageRefKey": Field.PACKAGE,
    "legacyPackageId": Field.PACKAGE,
    "note": Field.NOTE,
    "meetingPoint": Field.MEETING_POINT,
    "pickupLocation": Field.PICKUP_LOCATION,
    "mainName": Field.NAME,
    "mainEmail": Field.EMAIL,
    "phone": Field.PHONE,
    "phoneE164": Field.PHONE,
    "isPlaceholderName": Field.NAME,
    "isPlaceholderEmail": Field.EMAIL,
}
OPERATOR_SOURCE = "OPERATOR"


def legacy_facts(case: LegacyCase, packages: Packages, *, with_money: bool) -> BookingFacts:
    """What the rows alone say of the booking."""
    facts = booking_facts(case, said_by_rows(case, packages))
    return evolve(facts, payments={fact.key: fact for fact in payment_facts(case)}) if with_money else facts


def latest_said_here(facts: BookingFacts) -> Evidence | None:
    """The last thing that a channel or an operator said of the booking; None when only the legacy systems spoke."""
    said = [fact.evidence for fact in facts.registers.values()]
    said += [evidence for _, evidence in facts.terminals.values()]
    said += [evidence for evidence in (facts.first, facts.creation, facts.reinstated) if evidence is not None]
    if facts.override is not None:
        said.append(facts.override.evidence)
    return max((evidence for evidence in said if evidence.origin), key=lambda evidence: evidence.order, default=None)


def who_said(facts: BookingFacts, field: str) -> str | None:
    """Whose later word a field shows, as reports say it; None when nobody here has spoken."""
    register = REGISTERS.get(field)
    fact = None if register is None else facts.registers.get(register)
    if fact is not None and fact.evidence.origin:
        return said_here(fact.evidence)
    live = [payment for payment in facts.payments.values() if payment.origin]
    if field in MONEY_RULES and live:
        last = max(live, key=lambda payment: (payment.event_time, payment.event_id.int))
        return f"said later here by EVENT {last.event_id}"
    latest = latest_said_here(facts)
    return None if latest is None else said_here(latest)


def said_here(evidence: Evidence) -> str:
    """``said later here by OPERATOR/EVENT id``."""
    who = "OPERATOR" if evidence.source == OPERATOR_SOURCE else f"EVENT of {evidence.source}"
    return f"said later here by {who} {evidence.event_id} at {evidence.event_time:%Y-%m-%dT%H:%M:%SZ}"


def before_the_tour(booking: Booking, facts: BookingFacts, ops: OpsInputs) -> Booking | None:
    """The booking as it was shown until its tour day began; a recompute that is due makes the difference."""
    if booking.tour_date is None:
        return None
    return project(facts, ops, booking.tour_date - timedelta(days=1))


def unexplained(differences: Sequence[Difference]) -> list[Difference]:
    """Those that nobody's word explains: they are faults."""
    return [difference for difference in differences if difference.explained is None]


def as_text(value: object) -> str | None:
    """A field's value as comparisons and reports show it: instants in UTC, days and times in ISO 8601, flags as words."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case _:
            return value.isoformat() if isinstance(value, date | time) else str(value)


def item_text(
    *, variant: object, currency: str, party: Sequence[int], prices: Sequence[object], departure: object
) -> str:
    """An item in one line. ``party``: adults, children, infants; ``prices``: of an adult, of a child, discount, tax, total."""
    heads = "+".join(map(str, party))
    return f"{heads} {currency} {' '.join(f'{price:.2f}' for price in prices)} variant {variant} departure {departure}"


def fact_text(fact: PaymentFact) -> str:
    """What was said of a payment, in one line."""
    said = (
        f"{fact.amount:.2f} {fact.currency} {fact.raw_status} at {as_text(fact.instant)} order {fact.order_id or '-'}"
    )
    return f"{said}{' weak' if fact.weak else ''}{' partly returned' if fact.partially_returned else ''}"


def payment_text(
    *, amount: object, currency: str | None, status: str, at: datetime, references: Sequence[str | None]
) -> str:
    """A payment in one line. ``references``: order and capture."""
    return f"{amount:.2f} {currency} {status} at {as_text(at)} {' '.join(one or '-' for one in references)}"
