"""A folded booking as table rows: plain functions from values to columns."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from bst_application.ports.bookings import BookingChange
from bst_application.ports.mappings import waiting_package
from bst_domain.booking import (
    PACKAGE_REF_KIND,
    Field,
    PackageRefType,
    Payment,
    PaymentFact,
    facts_to_document,
    item_unit_price,
    package_reference,
    said_by,
)
from bst_domain.values import (
    ChannelReference,
    PaymentStatus,
    external_ref_key,
    payment_row_key,
    search_words,
    synthetic_item_key,
)
from bst_postgres.search_lexemes import search_lexemes

Row = dict[str, Any]

CONTACT_FIELDS = frozenset({Field.NAME, Field.EMAIL, Field.PHONE, Field.PICKUP_LOCATION, Field.MEETING_POINT})
PARTY_FIELDS = frozenset({Field.ADULT, Field.CHILD, Field.INFANT})
PRICED_FIELDS = PARTY_FIELDS | {Field.TOTAL_PRICE}


def core_row(change: BookingChange) -> Row:
    booking, package = change.booking, change.booking.package
    named = package_reference(change.identity.channel, change.facts)
    return {
        "booking_key": change.key,
        "channel_code": change.identity.channel,
        "source_enum_compat": change.identity.channel,
        "external_booking_ref": change.identity.ref,
        "booking_created_at": booking.booked_at,
        "booking_date": booking.booked_at.date(),
        "tour_date": booking.tour_date,
        "tour_time": booking.tour_time,
        "currency_code": None if booking.total is None else booking.total.currency,
        "total_price": None if booking.total is None else booking.total.amount,
        "number_of_adult": booking.adult,
        "number_of_child": booking.child,
        "customer_payment_status": booking.payment_status,
        "ops_fulfillment_status": booking.fulfilment_status,
        "package_ref_type": PackageRefType.LEGACY_PACKAGE if package is None else package.type,
        "package_ref_key": None if package is None else package.key,
        "legacy_package_id": None if package is None else package.legacy_id,
        "package_external_ref": None if named is None else package_name(named),
        "note": booking.note,
        "version": change.version,
        "status_reasons": booking.reasons,
        "fold": facts_to_document(change.facts),
    }


def package_name(package: ChannelReference) -> str:
    """How a booking's row says what its package is looked up by: the channel's number, or the kind of another one before it."""
    return package.ref if package.kind == PACKAGE_REF_KIND else f"{package.kind}:{package.ref}"[:128]


def contact_row(change: BookingChange) -> Row:
    contact = change.booking.contact
    return {
        "booking_key": change.key,
        "main_name": contact.name,
        "main_email": contact.email,
        "phone": contact.phone,
        "phone_e164": contact.phone_e164,
        "pickup_location": contact.pickup_location,
        "meeting_point": contact.meeting_point,
        "is_placeholder_name": contact.is_placeholder_name,
        "is_placeholder_email": contact.is_placeholder_email,
        "updated_from_source": _latest_source(change),
        "booked_at": change.booking.booked_at,
        "search_words": search_lexemes(
            search_words((change.identity.ref, contact.name, contact.email, contact.phone), contact.phone_e164),
            change.booking.booked_at,
            change.identity.channel,
        ),
    }


def moves_in_time(change: BookingChange) -> bool:
    """Whether an earlier event has put the booking before the time that its contact has."""
    known = None if change.before is None else change.before.facts.first
    return known is None or known.event_time != change.booking.booked_at


def _latest_source(change: BookingChange) -> str:
    said = [evidence for name, evidence in change.booking.provenance.items() if name in CONTACT_FIELDS]
    return max(said, key=lambda evidence: evidence.order).source if said else change.identity.channel


def party_row(change: BookingChange) -> Row:
    booking = change.booking
    return {
        "booking_key": change.key,
        "adult_qty": booking.adult,
        "child_qty": booking.child,
        "infant_qty": booking.infant,
    }


def item_rows(change: BookingChange) -> Iterable[Row]:
    """One item stands for a booking whose channel states a total only; it exists once there is a price and a party."""
    booking = change.booking
    if booking.total is None or booking.adult is None:
        return
    yield {
        "booking_item_key": synthetic_item_key("ingest", change.key),
        "booking_key": change.key,
        "currency_code": booking.total.currency,
        "adult_qty": booking.adult,
        "child_qty": booking.child or 0,
        "infant_qty": booking.infant or 0,
        "adult_unit_price": item_unit_price(booking),
        "total_amount": booking.total.amount,
        "snapshot_json": {"synthetic": True, "source": "ingest"},
    }


def state_row(change: BookingChange) -> Row:
    booking = change.booking
    return {
        "booking_key": change.key,
        "ops_fulfillment_status": booking.fulfilment_status,
        "is_paid_flag": booking.payment_status is PaymentStatus.PAID,
        "paid_at": booking.paid_at,
        "state_version": change.version,
        "updated_from_source": change.written_by.value,
    }


def history_row(change: BookingChange, now: datetime) -> Row:
    statuses = change.statuses
    return {
        "booking_key": change.key,
        "version": change.version,
        "changed_at": now,
        "customer_payment_status": statuses.payment,
        "ops_fulfillment_status": statuses.fulfilment,
        "status_reasons": statuses.reasons,
    }


def facts_rows(change: BookingChange, now: datetime) -> Iterable[Row]:
    for entry in change.recorded:
        evidence = entry.facts.first
        assert evidence is not None
        yield {
            "event_key": entry.event_id,
            "booking_key": change.key,
            "source": evidence.source,
            "event_type": evidence.event_type,
            "event_time": evidence.event_time,
            "origin": evidence.origin,
            "facts": {
                **said_by(entry.facts),
                **{f"payment.{fact.kind}": fact.reference for fact in entry.facts.payments.values()},
            },
            "recorded_at": now,
            "version": change.version,
        }


def new_payment_facts(change: BookingChange) -> list[PaymentFact]:
    known = {} if change.before is None else change.before.facts.payments
    return [fact for key, fact in change.facts.payments.items() if known.get(key) is not fact]


def payment_facts_rows(change: BookingChange) -> Iterable[Row]:
    for fact in new_payment_facts(change):
        yield {
            "booking_key": change.key,
            "provider": fact.provider,
            "kind": fact.kind,
            "reference": fact.reference,
            "order_id": fact.order_id,
            "amount": fact.amount,
            "currency_code": fact.currency,
            "instant": fact.instant,
            "raw_status": fact.raw_status,
            "partially_returned": fact.partially_returned,
            "weak": fact.weak,
            "also_called": fact.also_called,
            "origin": fact.origin,
            "event_key": fact.event_id,
            "event_time": fact.event_time,
        }


def payments_rows(change: BookingChange) -> Iterable[Row]:
    """The projected rows of the references that got a new fact, or all when the booking's currency may fill in."""
    touched = {(fact.provider, fact.reference) for fact in new_payment_facts(change)}
    everything = Field.TOTAL_PRICE in change.changed
    for payment in change.booking.payments:
        is_touched = (payment.latest.provider, payment.latest.reference) in touched
        if is_touched or (everything and payment.latest.origin):  # back-fill always states the currency itself
            yield _payment(change, payment)


def shown_payments_rows(change: BookingChange) -> Iterable[Row]:
    """All rows of payments that live events have reported."""
    return (_payment(change, payment) for payment in change.booking.payments if payment.latest.origin)


def _payment(change: BookingChange, payment: Payment) -> Row:
    latest = payment.latest
    return {
        "payment_key": payment_row_key(change.key, latest.provider, latest.reference),
        "booking_key": change.key,
        "payment_time": latest.instant,
        "amount": latest.amount,
        "currency_code": payment.currency,
        "method": latest.provider[:32],
        "gateway": latest.provider.lower(),
        "order_id": latest.order_id,
        "capture_id": None if latest.order_only else latest.reference,
        "reference": latest.reference,
        "status_raw": latest.raw_status,
        "status": payment.status,
    }


def references_rows(change: BookingChange) -> Iterable[Row]:
    for reference in change.references:
        yield {
            "external_ref_key": external_ref_key(reference.kind, change.identity.channel, reference.ref),
            "entity_type": "BOOKING",
            "entity_key": change.key,
            "channel_code": change.identity.channel,
            "external_ref_kind": reference.kind,
            "external_ref": reference.ref,
            "source_system": "ingest",
            "source_table": "ingest_event_log",
            "source_pk": reference.ref,
        }


def unmapped_rows(changes: Iterable[BookingChange], now: datetime) -> list[Row]:
    """The packages that bookings begin to wait for, each once, in one order for everybody."""
    packages = {package for change in changes if (package := change.waits_for) is not None}
    entries = [waiting_package(package, now) for package in sorted(packages)]
    return [
        {
            "queue_key": entry.key,
            "queue_type": entry.type,
            "channel_code": entry.channel,
            "source_system": entry.source.system,
            "source_table": entry.source.table,
            "source_pk": entry.source.pk,
            "reason_code": entry.reason_code,
            "status": entry.status,
            "external_ref_kind": entry.ref_kind,
            "external_ref": entry.ref,
            "created_at": entry.created_at,
        }
        for entry in entries
    ]


def outlived_payment_keys(change: BookingChange) -> list[UUID]:
    """Rows that stand for no payment any more: what turned out to be another payment's order, where the capture's own row has
    taken its place, and what back-fill wrote of a payment that a live event has reported since."""
    shown = {(payment.latest.provider, payment.latest.reference) for payment in change.booking.payments}
    known = {(fact.provider, fact.reference) for fact in change.facts.payments.values()}
    stand_in = {payment.latest.event_id for payment in change.booking.payments}
    before = {} if change.before is None else change.before.facts.payments
    moved_in = {fact.event_id for fact in before.values() if fact.origin == 0 and not fact.weak}
    return [
        *(payment_row_key(change.key, *reference) for reference in sorted(known - shown)),
        *sorted(moved_in - stand_in),
    ]
