"""What a case of legacy rows must have come to here, as the fields that a comparison shows.

Twice: by the legacy rows alone, and with all that was said here since. Where the two agree, so must what is stored; where they do
not, somebody's later word explains it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.comparing import StoredRecord
from bst_domain.booking import (
    Booking,
    BookingFacts,
    OpsInputs,
    PackageRefType,
    item_unit_price,
    later_payment,
    merge,
    project,
    settlement_status,
    without_backfill,
)
from bst_domain.migration import (
    LegacyCase,
    LegacySystem,
    PackageMap,
    as_text,
    item_text,
    legacy_facts,
    ops_inputs,
    payment_row,
    payment_text,
    row_of,
    standing_items,
)
from bst_domain.values import (
    BookingKey,
    PaymentStatus,
    backfilled_booking_key,
    payment_row_key,
    shop_item_key,
    shop_payment_key,
    synthetic_item_key,
)

Fields = Mapping[str, str | None]


@frozen(kw_only=True)
class Derived:
    """One reading of a case. ``items`` and ``payments``: key -> what it says."""

    facts: BookingFacts
    ops: OpsInputs
    booking: Booking
    fields: Fields
    items: Mapping[str, str]
    payments: Mapping[str, str]


@frozen(kw_only=True)
class Deriving:
    """``with_money``: whether batch E has run. ``today`` is the day in Bali."""

    packages: PackageMap
    today: date
    with_money: bool

    def alone(self, case: LegacyCase) -> Derived:
        """By the legacy rows alone, as a first run into an empty database would have it."""
        facts = legacy_facts(case, self.packages, with_money=self.with_money)
        ops = ops_inputs(case, with_finance=self.with_money)
        lead = next((row for row in case.rows if row.system is LegacySystem.ADMIN), None)
        driver = None if lead is None else lead.driver_id
        return self._derived(case, backfilled_booking_key(case.identity), facts, ops, driver)

    def here(self, case: LegacyCase, alone: Derived, record: StoredRecord) -> Derived:
        """With what channels and operators have said here since."""
        stored = record.booking
        said_here = without_backfill(stored.facts)
        payments = {key: fact for key, fact in stored.facts.payments.items() if fact.origin}
        for key, fact in alone.facts.payments.items():
            known = payments.get(key)
            payments[key] = fact if known is None else later_payment(known, fact)
        facts = evolve(merge(evolve(said_here, payments={}), evolve(alone.facts, payments={})), payments=payments)
        kept = record.assigned.by_core or not case.admin_rows
        driver = record.assigned.driver_id if kept else case.admin_rows[0].driver_id
        ops = evolve(alone.ops, driver_assigned=driver is not None, package=stored.ops.package)
        return self._derived(case, stored.key, facts, ops, driver)

    def _derived(self, case: LegacyCase, key: UUID, facts: BookingFacts, ops: OpsInputs, driver: int | None) -> Derived:
        booking = project(facts, ops, self.today)
        return Derived(
            facts=facts,
            ops=ops,
            booking=booking,
            fields={
                **_body(booking),
                **_money(case, booking),
                "bookingKey": str(key),
                "assignedDriverId": as_text(driver),
                "activeAssignment": as_text(driver),
            },
            items=dict(_items(case, key, facts, booking, self.packages)),
            payments=dict(_payments(case, key, booking)),
        )


def sources_text(case: LegacyCase) -> str:
    """Every row of the case."""
    return "|".join(sorted(str(row_of(row)) for row in case.rows))


def _body(booking: Booking) -> Fields:
    contact, package = booking.contact, booking.package
    party = (booking.adult, booking.child)
    return {
        "bookedAt": as_text(booking.booked_at),
        "tourDate": as_text(booking.tour_date),
        "tourTime": as_text(booking.tour_time),
        "currency": None if booking.total is None else booking.total.currency,
        "totalPrice": None if booking.total is None else as_text(booking.total.amount),
        "adult": as_text(booking.adult),
        "child": as_text(booking.child),
        "infant": as_text(booking.infant),
        "party": None if None in party else "+".join(map(str, party)),
        "packageRefType": PackageRefType.LEGACY_PACKAGE.value if package is None else package.type.value,
        "packageRefKey": None if package is None else as_text(package.key),
        "legacyPackageId": None if package is None else as_text(package.legacy_id),
        "note": booking.note,
        "meetingPoint": contact.meeting_point,
        "pickupLocation": contact.pickup_location,
        "mainName": contact.name,
        "mainEmail": contact.email,
        "phone": contact.phone,
        "phoneE164": contact.phone_e164,
        "isPlaceholderName": as_text(contact.is_placeholder_name),
        "isPlaceholderEmail": as_text(contact.is_placeholder_email),
    }


def _money(case: LegacyCase, booking: Booking) -> Fields:
    finance = case.finance
    return {
        "customerPaymentStatus": booking.payment_status.value,
        "opsFulfillmentStatus": booking.fulfilment_status.value,
        "statusReasons": "|".join(booking.reasons),
        "stateStatus": booking.fulfilment_status.value,
        "paidAt": as_text(booking.paid_at),
        "isPaid": as_text(booking.payment_status is PaymentStatus.PAID),
        "settlementStatus": None if finance is None else settlement_status(finance.items, finance.items_paid),
        "patternId": None if finance is None else as_text(finance.pattern_id),
        "validatedAt": None if finance is None else as_text(finance.validated_at),
        "isLocked": None if finance is None else as_text(finance.locked),
    }


def _items(
    case: LegacyCase, key: UUID, facts: BookingFacts, booking: Booking, packages: PackageMap
) -> Iterator[tuple[str, str]]:
    """The surviving row's where the booking is what it says, else the one that stands for a stated total."""
    items = standing_items(case, facts)
    if items:
        for item in items:
            prices = (item.adult_unit_price, item.child_unit_price, item.discount, item.tax, item.total)
            yield (
                str(shop_item_key(item.item_id)),
                item_text(
                    variant=packages.variants.get(item.variant_id),
                    currency=item.currency.upper(),
                    party=(item.adult, item.child, item.infant),
                    prices=[price or 0 for price in prices],
                    departure=item.departure_id,
                ),
            )
    elif booking.total is not None and booking.adult is not None:
        yield (
            str(synthetic_item_key("ingest", key)),
            item_text(
                variant=None,
                currency=booking.total.currency,
                party=(booking.adult, booking.child or 0, booking.infant or 0),
                prices=(item_unit_price(booking), 0, 0, 0, booking.total.amount),
                departure=None,
            ),
        )


def _payments(case: LegacyCase, key: UUID, booking: Booking) -> Iterator[tuple[str, str]]:
    """One a payment reference: as the shop's row has it, or as a live event reported it."""
    reported = {shop_payment_key(paid.payment_id): paid for row in case.rows for paid in row.payments}
    for payment in booking.payments:
        latest, paid = payment.latest, reported.get(payment.latest.event_id)
        if paid is None:
            capture = None if latest.order_only else latest.reference
            text = payment_text(
                amount=latest.amount,
                currency=payment.currency,
                status=payment.status,
                at=latest.instant,
                references=(latest.order_id, capture),
            )
            yield str(payment_row_key(BookingKey(key), latest.provider, latest.reference)), text
            continue
        row = payment_row(paid)
        text = payment_text(
            amount=row.amount,
            currency=row.currency,
            status=payment.status,
            at=row.paid_at,
            references=(row.order_id, (paid.capture_id or "").strip()[:128] or None),
        )
        yield str(latest.event_id), text


def told_twice(case: LegacyCase, derived: Derived) -> Sequence[int]:
    """Payments of the case that another row reports as well, so that they stand for nothing of their own."""
    known = {fact.event_id for fact in derived.facts.payments.values()}
    return [p.payment_id for row in case.rows for p in row.payments if shop_payment_key(p.payment_id) not in known]
