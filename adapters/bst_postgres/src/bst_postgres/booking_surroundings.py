"""What the detail of a booking shows around it: one statement each, oldest first, as JSON objects."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bst_application.ports.operations import ConflictRecord
from bst_application.ports.reading import FieldOrigin
from bst_domain.booking import LEGACY_FIELDS, Field, facts_from_document, shown
from bst_domain.values import format_instant
from bst_postgres import tables as t
from bst_postgres.conflicts import conflict_of


def provenance(fold: Mapping[str, Any]) -> dict[str, FieldOrigin]:
    """Field -> origin, under the names that the API shows; currency and price are one fact."""
    origins = {
        about.value: FieldOrigin(
            source=fact.evidence.source, event_id=fact.evidence.event_id, event_time=fact.evidence.event_time
        )
        for about, fact in shown(facts_from_document(fold)).items()
        if about not in LEGACY_FIELDS
    }
    if Field.TOTAL_PRICE in origins:
        origins["currency"] = origins[Field.TOTAL_PRICE]
    return origins


async def payments(connection: AsyncConnection, key: UUID) -> list[dict[str, Any]]:
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


async def assignments(connection: AsyncConnection, key: UUID) -> list[dict[str, Any]]:
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


async def items(connection: AsyncConnection, key: UUID) -> Sequence[dict[str, Any]]:
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


async def finance(connection: AsyncConnection, key: UUID) -> dict[str, Any] | None:
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


async def conflicts(connection: AsyncConnection, key: UUID) -> list[ConflictRecord]:
    """Those that wait for a decision."""
    table = t.booking_conflict
    query = select(table).where(table.c.booking_key == key, table.c.settled_at.is_(None))
    rows = (await connection.execute(query.order_by(table.c.opened_at, table.c.conflict_key))).all()
    return [conflict_of(row) for row in rows]


def _amount(value: Decimal) -> str:
    return f"{value:.2f}"


def _instant(value: datetime | None) -> str | None:
    return None if value is None else format_instant(value)
