"""Bookings for the API: keyset pages and one booking with everything around it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bst_application.ports.reading import BookingDetail, BookingFilter, BookingRow, FieldOrigin, Position
from bst_domain.booking import Contact, Field, facts_from_document
from bst_domain.values import BookingIdentity, BookingKey, ExternalRef, email_kind, format_instant, normalise_ref
from bst_postgres import tables as t
from bst_postgres.database import Database

core, contact, party, state = t.booking_core, t.booking_contact, t.booking_party, t.ops_booking_state


class PostgresBookingReader:
    """BookingReader on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: BookingFilter, *, after: Position | None, limit: int) -> list[BookingRow]:
        query = _rows().where(*_conditions(wanted))
        if after is not None:
            ended = tuple_(literal(after.at), literal(after.key))
            query = query.where(tuple_(core.c.booking_created_at, core.c.booking_key) < ended)
        query = query.order_by(core.c.booking_created_at.desc(), core.c.booking_key.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [_row(found) for found in (await connection.execute(query)).all()]

    async def find(self, name: str) -> list[tuple[BookingKey, BookingIdentity]]:
        async with self._database.reading() as connection:
            for condition in _meanings(name):
                query = select(core.c.booking_key, core.c.channel_code, core.c.external_booking_ref).where(condition)
                found = (await connection.execute(query.order_by(core.c.channel_code).limit(20))).all()
                if found:
                    return [
                        (BookingKey(key), BookingIdentity(channel, ExternalRef(ref))) for key, channel, ref in found
                    ]
        return []

    async def detail(self, key: BookingKey) -> BookingDetail | None:
        async with self._database.reading() as connection:
            found = (await connection.execute(_rows(core.c.fold).where(core.c.booking_key == key))).one_or_none()
            if found is None:
                return None
            return BookingDetail(
                row=_row(found),
                provenance=_provenance(found.fold),
                payments=await _payments(connection, key),
                assignments=await _assignments(connection, key),
                items=await _items(connection, key),
                finance=await _finance(connection, key),
            )


def _rows(*more: ColumnElement[Any]) -> Select[Any]:
    return (
        select(
            core.c.booking_key,
            core.c.channel_code,
            core.c.external_booking_ref,
            core.c.version,
            core.c.customer_payment_status,
            core.c.ops_fulfillment_status,
            core.c.status_reasons,
            core.c.booking_created_at,
            core.c.tour_date,
            core.c.tour_time,
            core.c.number_of_adult,
            core.c.number_of_child,
            core.c.currency_code,
            core.c.total_price,
            core.c.note,
            core.c.package_ref_type,
            core.c.package_ref_key,
            core.c.legacy_package_id,
            core.c.created_at,
            core.c.updated_at,
            party.c.infant_qty,
            contact.c.main_name,
            contact.c.main_email,
            contact.c.phone,
            contact.c.phone_e164,
            contact.c.pickup_location,
            contact.c.meeting_point,
            contact.c.is_placeholder_name,
            contact.c.is_placeholder_email,
            state.c.assigned_driver_id,
            *more,
        )
        .outerjoin_from(core, contact, contact.c.booking_key == core.c.booking_key)
        .outerjoin(party, party.c.booking_key == core.c.booking_key)
        .outerjoin(state, state.c.booking_key == core.c.booking_key)
    )


def _conditions(wanted: BookingFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.fulfilment is not None:
        conditions.append(core.c.ops_fulfillment_status == wanted.fulfilment)
    if wanted.payment is not None:
        conditions.append(core.c.customer_payment_status == wanted.payment)
    if wanted.source is not None:
        conditions.append(core.c.channel_code == wanted.source)
    if wanted.date_from is not None:
        conditions.append(core.c.tour_date >= wanted.date_from)
    if wanted.date_to is not None:
        conditions.append(core.c.tour_date <= wanted.date_to)
    if wanted.text is not None:
        about = (core.c.external_booking_ref, contact.c.main_name, contact.c.main_email, contact.c.phone)
        conditions.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in about)))
    return conditions


def _meanings(name: str) -> list[ColumnElement[bool]]:
    """What a name may mean, the most exact first."""
    meanings: list[ColumnElement[bool]] = []
    with suppress(ValueError):
        meanings.append(core.c.booking_key == UUID(name))
    if "\x00" in name:
        return meanings
    channel, colon, ref = name.partition(":")
    if colon:
        own = core.c.external_booking_ref == normalise_ref(ref)
        meanings.append(and_(core.c.channel_code == channel.strip().upper(), own))
    bare = normalise_ref(name)
    meanings.append(core.c.external_booking_ref == bare)
    refs = t.channel_external_refs
    other = select(refs.c.entity_key).where(refs.c.entity_type == "BOOKING", refs.c.external_ref == bare)
    meanings.append(core.c.booking_key.in_(other))
    return meanings


def _row(found: Row[Any]) -> BookingRow:
    return BookingRow(
        key=BookingKey(found.booking_key),
        identity=BookingIdentity(found.channel_code, ExternalRef(found.external_booking_ref)),
        version=found.version,
        payment_status=found.customer_payment_status,
        fulfilment_status=found.ops_fulfillment_status,
        reasons=found.status_reasons,
        booked_at=found.booking_created_at,
        tour_date=found.tour_date,
        tour_time=found.tour_time,
        adult=found.number_of_adult,
        child=found.number_of_child,
        infant=found.infant_qty,
        currency=found.currency_code,
        total_price=found.total_price,
        note=found.note,
        contact=Contact(
            name=found.main_name,
            email=found.main_email,
            phone=found.phone,
            phone_e164=found.phone_e164,
            email_kind=email_kind(found.main_email),
            is_placeholder_name=bool(found.is_placeholder_name),
            is_placeholder_email=bool(found.is_placeholder_email),
            pickup_location=found.pickup_location,
            meeting_point=found.meeting_point,
        ),
        package_ref_type=found.package_ref_type,
        package_ref_key=found.package_ref_key,
        legacy_package_id=found.legacy_package_id,
        assigned_driver_id=found.assigned_driver_id,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _provenance(fold: Mapping[str, Any]) -> dict[str, FieldOrigin]:
    """Field -> origin, under the names that the API shows; currency and price are one fact."""
    origins = {
        about.value: FieldOrigin(
            source=fact.evidence.source, event_id=fact.evidence.event_id, event_time=fact.evidence.event_time
        )
        for about, fact in facts_from_document(fold).registers.items()
        if about is not Field.LEGACY_PAYMENT
    }
    if Field.TOTAL_PRICE in origins:
        origins["currency"] = origins[Field.TOTAL_PRICE]
    return origins


async def _payments(connection: AsyncConnection, key: UUID) -> list[dict[str, Any]]:
    table = t.payment_event
    query = select(table).where(table.c.booking_key == key).order_by(table.c.payment_time, table.c.payment_key)
    return [
        {
            "paymentKey": str(row.payment_key),
            "status": row.payment_status_v2,
            "amount": _amount(row.amount),
            "currency": row.currency_code,
            "method": row.method,
            "gateway": row.gateway,
            "orderId": row.gateway_order_id,
            "captureId": row.gateway_capture_id,
            "reference": row.payment_ref or row.gateway_capture_id or row.gateway_order_id,
            "rawStatus": row.status_raw,
            "time": format_instant(row.payment_time),
        }
        for row in (await connection.execute(query)).all()
    ]


async def _assignments(connection: AsyncConnection, key: UUID) -> list[dict[str, Any]]:
    table = t.ops_assignment
    query = select(table).where(table.c.booking_key == key).order_by(table.c.assigned_at, table.c.assignment_key)
    return [
        {
            "assignmentKey": str(row.assignment_key),
            "driverId": row.driver_id,
            "partnerId": row.partner_id,
            "source": row.assignment_source,
            "assignedAt": format_instant(row.assigned_at),
            "unassignedAt": _instant(row.unassigned_at),
            "isActive": row.is_active,
            "notes": row.notes,
        }
        for row in (await connection.execute(query)).all()
    ]


async def _items(connection: AsyncConnection, key: UUID) -> Sequence[dict[str, Any]]:
    table = t.booking_item_snapshot
    query = select(table).where(table.c.booking_key == key).order_by(table.c.created_at, table.c.booking_item_key)
    return [
        {
            "itemKey": str(row.booking_item_key),
            "variantKey": None if row.variant_key is None else str(row.variant_key),
            "currency": row.currency_code,
            "adult": row.adult_qty,
            "child": row.child_qty,
            "infant": row.infant_qty,
            "adultUnitPrice": _amount(row.adult_unit_price),
            "childUnitPrice": _amount(row.child_unit_price),
            "discountAmount": _amount(row.discount_amount),
            "taxAmount": _amount(row.tax_amount),
            "totalAmount": _amount(row.total_amount),
            "synthetic": bool((row.snapshot_json or {}).get("synthetic", False)),
        }
        for row in (await connection.execute(query)).all()
    ]


async def _finance(connection: AsyncConnection, key: UUID) -> dict[str, Any] | None:
    table = t.ops_finance_bridge
    row = (await connection.execute(select(table).where(table.c.booking_key == key))).one_or_none()
    if row is None:
        return None
    return {
        "financeBridgeKey": str(row.finance_bridge_key),
        "bookingFinanceId": row.booking_finance_id,
        "patternId": row.pattern_id,
        "validatedAt": _instant(row.validated_at),
        "isLocked": row.is_locked,
        "settlementStatus": row.settlement_status,
        "lastReconciledAt": _instant(row.last_reconciled_at),
    }


def _amount(value: Decimal) -> str:
    return f"{value:.2f}"


def _instant(value: datetime | None) -> str | None:
    return None if value is None else format_instant(value)
