"""Bookings for readers, over the tables of the storage in memory. What finance writes is empty here."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from bst_application.ports.bookings import StoredBooking
from bst_application.ports.reading import BookingDetail, BookingFilter, BookingRow, FieldOrigin, Position
from bst_domain.booking import LEGACY_FIELDS, Booking, Field, PackageRefType, Payment, item_unit_price, project
from bst_domain.values import (
    BookingIdentity,
    BookingKey,
    ExternalRef,
    bali_day,
    format_instant,
    is_found,
    normalise_ref,
    parse_search,
    payment_row_key,
    search_words,
    synthetic_item_key,
)
from bst_testing.fakes.operating import assignments_of, conflicts_of
from bst_testing.fakes.tables import AssignmentRow, Tables


class MemoryBookingReader:
    """BookingReader. Payments, items and the rest are computed from the facts; statuses are those that were stored."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def page(self, wanted: BookingFilter, *, after: Position | None, limit: int) -> list[BookingRow]:
        rows = [row for stored in self._tables.bookings.values() if _matches(row := self._row(stored), wanted)]
        # Among those that were booked at one instant, the whole list alone asks which row is younger.
        is_whole = wanted == BookingFilter()
        made = {row.key: row.created_at for row in rows}

        def position(at: datetime, key: UUID) -> tuple[datetime, datetime, UUID]:
            return at, made.get(BookingKey(key), at) if is_whole else at, key

        rows.sort(key=lambda row: position(row.booked_at, row.key), reverse=True)
        behind = None if after is None else position(after.at, after.key)
        return [row for row in rows if behind is None or position(row.booked_at, row.key) < behind][:limit]

    async def find(self, name: str) -> list[tuple[BookingKey, BookingIdentity]]:
        for means in _meanings(name, self._tables):
            found = [(stored.key, stored.identity) for stored in self._tables.bookings.values() if means(stored)]
            if found:
                return sorted(found, key=lambda entry: entry[1].channel)[:20]
        return []

    async def detail(self, key: BookingKey) -> BookingDetail | None:
        for stored in self._tables.bookings.values():
            if stored.key == key:
                booking = _booking(stored, self._tables.booking_times[stored.identity][1])
                return BookingDetail(
                    row=self._row(stored),
                    provenance=_provenance(booking),
                    payments=[_payment(stored, payment) for payment in _by_time(stored, booking)],
                    assignments=[_assignment(row) for row in assignments_of(self._tables, stored.key)],
                    items=_items(stored, booking),
                    finance=None,
                    conflicts=[one for one in conflicts_of(self._tables, stored.key) if one.settled is None],
                )
        return None

    def _row(self, stored: StoredBooking) -> BookingRow:
        created_at, updated_at = self._tables.booking_times[stored.identity]
        active = (row for row in assignments_of(self._tables, stored.key) if row.ended_at is None)
        booking = _booking(stored, updated_at)
        package = booking.package
        return BookingRow(
            key=stored.key,
            identity=stored.identity,
            version=stored.version,
            payment_status=stored.statuses.payment,
            fulfilment_status=stored.statuses.fulfilment,
            reasons=stored.statuses.reasons,
            booked_at=booking.booked_at,
            tour_date=booking.tour_date,
            tour_time=booking.tour_time,
            adult=booking.adult,
            child=booking.child,
            infant=booking.infant,
            currency=None if booking.total is None else booking.total.currency,
            total_price=None if booking.total is None else booking.total.amount,
            note=booking.note,
            contact=booking.contact,
            package_ref_type=PackageRefType.LEGACY_PACKAGE if package is None else package.type,
            package_ref_key=None if package is None else package.key,
            legacy_package_id=None if package is None else package.legacy_id,
            assigned_driver_id=next((row.assignment.driver for row in active), None),
            created_at=created_at,
            updated_at=updated_at,
        )


def _booking(stored: StoredBooking, at: datetime) -> Booking:
    return project(stored.facts, stored.ops, bali_day(at))


def _matches(row: BookingRow, wanted: BookingFilter) -> bool:
    about = (row.identity.ref, row.contact.name, row.contact.email, row.contact.phone)
    words = search_words(about, row.contact.phone_e164)
    return (
        wanted.fulfilment in {None, row.fulfilment_status}
        and wanted.payment in {None, row.payment_status}
        and wanted.source in {None, row.identity.channel}
        and (wanted.date_from is None or (row.tour_date is not None and row.tour_date >= wanted.date_from))
        and (wanted.date_to is None or (row.tour_date is not None and row.tour_date <= wanted.date_to))
        and (wanted.text is None or is_found(parse_search(wanted.text), words))
    )


def _meanings(name: str, tables: Tables) -> Iterator[Callable[[StoredBooking], bool]]:
    """What a name may mean, the most exact first."""
    try:
        key = UUID(name)
    except ValueError:
        pass
    else:
        yield lambda stored: stored.key == key
    channel, colon, ref = name.partition(":")
    if colon:
        own = BookingIdentity(channel.strip().upper(), ExternalRef(normalise_ref(ref)))
        yield lambda stored: stored.identity == own
    bare = normalise_ref(name)
    yield lambda stored: stored.identity.ref == bare
    others = {of for (_, ref), of in tables.references.items() if ref == bare}
    others |= {of for alias, of in tables.aliases.items() if alias.ref == bare}
    yield lambda stored: stored.identity in others


def _provenance(booking: Booking) -> dict[str, FieldOrigin]:
    origins = {
        str(about): FieldOrigin(source=said.source, event_id=said.event_id, event_time=said.event_time)
        for about, said in booking.provenance.items()
        if about not in LEGACY_FIELDS
    }
    if Field.TOTAL_PRICE in origins:
        origins["currency"] = origins[Field.TOTAL_PRICE]
    return origins


def _payment_key(stored: StoredBooking, payment: Payment) -> UUID:
    return payment_row_key(stored.key, payment.latest.provider, payment.latest.reference)


def _by_time(stored: StoredBooking, booking: Booking) -> list[Payment]:
    return sorted(booking.payments, key=lambda payment: (payment.latest.instant, _payment_key(stored, payment)))


def _payment(stored: StoredBooking, payment: Payment) -> dict[str, Any]:
    latest = payment.latest
    return {
        "paymentKey": str(_payment_key(stored, payment)),
        "status": payment.status.value,
        "amount": f"{latest.amount:.2f}",
        "currency": payment.currency,
        "method": latest.provider[:32],
        "gateway": latest.provider.lower(),
        "orderId": latest.order_id,
        "captureId": None if latest.order_only else latest.reference,
        "reference": latest.reference,
        "rawStatus": latest.raw_status,
        "time": format_instant(latest.instant),
    }


def _assignment(row: AssignmentRow) -> dict[str, Any]:
    return {
        "assignmentKey": str(row.assignment.key),
        "driverId": row.assignment.driver,
        "partnerId": row.assignment.partner,
        "source": "CORE_API",
        "assignedAt": format_instant(row.assignment.at),
        "unassignedAt": None if row.ended_at is None else format_instant(row.ended_at),
        "isActive": row.ended_at is None,
        "notes": None,
    }


def _items(stored: StoredBooking, booking: Booking) -> list[dict[str, Any]]:
    if booking.total is None or booking.adult is None:
        return []
    return [
        {
            "itemKey": str(synthetic_item_key("ingest", stored.key)),
            "currency": booking.total.currency,
            "adult": booking.adult,
            "child": booking.child or 0,
            "infant": booking.infant or 0,
            "adultUnitPrice": f"{item_unit_price(booking):.2f}",
            "totalAmount": f"{booking.total.amount:.2f}",
            "synthetic": True,
        }
    ]
