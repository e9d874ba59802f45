"""Writes what payments and finance make of stored bookings: one statement a table for a whole group."""

from collections.abc import Sequence
from datetime import datetime

from bst_application.ports.backfill import MoneyMove
from bst_postgres.backfill import rows
from bst_postgres.backfill.copying import copy_rows
from bst_postgres.bookings import rows as live
from bst_postgres.bookings import upserts
from bst_postgres.database import DriverConnection, as_json, as_uuid_array

_CORE = """
update booking_core core set customer_payment_status = given.payment, ops_fulfillment_status = given.fulfilment,
  status_reasons = given.reasons, version = given.version, updated_at = now()
from json_to_recordset(%s::json) as given (booking_key uuid, payment text, fulfilment text, reasons text[], version int)
where core.booking_key = given.booking_key
"""
_STATE = """
update ops_booking_state state set ops_fulfillment_status = given.fulfilment, is_paid_flag = given.is_paid,
  paid_at = given.paid_at, state_version = given.version, updated_at = now()
from json_to_recordset(%s::json) as given (booking_key uuid, fulfilment text, is_paid boolean, paid_at timestamptz,
  version int)
where state.booking_key = given.booking_key
"""
# The legacy admin is the writer of finance until it is cut over: its word holds, and an equal word is no write.
_FINANCE = """
insert into ops_finance_bridge (finance_bridge_key, booking_key, booking_finance_id, pattern_id, validated_at, is_locked,
  settlement_status, last_reconciled_at)
select finance_bridge_key, booking_key, booking_finance_id, pattern_id, validated_at, is_locked, settlement_status,
  last_reconciled_at
from json_to_recordset(%s::json) as given (finance_bridge_key uuid, booking_key uuid, booking_finance_id bigint,
  pattern_id bigint, validated_at timestamptz, is_locked boolean, settlement_status text, last_reconciled_at timestamptz)
on conflict (booking_key) do update set booking_finance_id = excluded.booking_finance_id,
  pattern_id = excluded.pattern_id, validated_at = excluded.validated_at, is_locked = excluded.is_locked,
  settlement_status = excluded.settlement_status, last_reconciled_at = excluded.last_reconciled_at, updated_at = now()
where (ops_finance_bridge.booking_finance_id, ops_finance_bridge.pattern_id, ops_finance_bridge.validated_at,
    ops_finance_bridge.is_locked, ops_finance_bridge.settlement_status)
  is distinct from (excluded.booking_finance_id, excluded.pattern_id, excluded.validated_at, excluded.is_locked,
    excluded.settlement_status)
"""
_GONE_FACTS = """
delete from payment_fact fact using json_to_recordset(%s::json) as given (booking_key uuid, provider text, kind text,
  reference text)
where fact.booking_key = given.booking_key and fact.provider = given.provider and fact.kind = given.kind
  and fact.reference = given.reference
"""
# payment_ref is unique over all bookings; see upserts.PAYMENT. An equal row is no write.
_PAYMENT = """
insert into payment_event (payment_key, booking_key, payment_time, amount, currency_code, method, gateway,
  gateway_order_id, gateway_capture_id, payment_ref, status_raw, payment_status_v2, raw_payload)
select payment_key, booking_key, payment_time, amount, currency_code, method, gateway, gateway_order_id,
  gateway_capture_id, case when exists (select 1 from payment_event other where other.payment_ref = given.payment_ref
    and other.payment_key <> given.payment_key) then null else given.payment_ref end, status_raw, payment_status_v2,
  raw_payload
from json_to_recordset(%s::json) as given (payment_key uuid, booking_key uuid, payment_time timestamptz, amount numeric,
  currency_code text, method text, gateway text, gateway_order_id text, gateway_capture_id text, payment_ref text,
  status_raw text, payment_status_v2 text, raw_payload jsonb)
on conflict (payment_key) do update set booking_key = excluded.booking_key, payment_time = excluded.payment_time,
  amount = excluded.amount, currency_code = excluded.currency_code, gateway_order_id = excluded.gateway_order_id,
  gateway_capture_id = excluded.gateway_capture_id, status_raw = excluded.status_raw,
  payment_status_v2 = excluded.payment_status_v2, updated_at = now()
where (payment_event.booking_key, payment_event.payment_time, payment_event.amount, payment_event.currency_code,
    payment_event.gateway_order_id, payment_event.gateway_capture_id, payment_event.status_raw,
    payment_event.payment_status_v2)
  is distinct from (excluded.booking_key, excluded.payment_time, excluded.amount, excluded.currency_code,
    excluded.gateway_order_id, excluded.gateway_capture_id, excluded.status_raw, excluded.payment_status_v2)
"""


async def save_money(connection: DriverConnection, moves: Sequence[MoneyMove], now: datetime) -> int:
    """Returns how many rows were written."""
    changes = [move.change for move in moves]
    moved = [change for change in changes if not change.is_unchanged]
    turned = [change for change in moved if change.before is not None and change.before.statuses != change.statuses]
    written = await _replace_facts(connection, moves)
    outlived = [key for change in changes for key in live.outlived_payment_keys(change)]
    if outlived:
        statement = "delete from payment_event where payment_key = any (%s::uuid[])"
        written += (await connection.execute(statement, (as_uuid_array(outlived),))).rowcount
    plan = (
        (_CORE, [_statuses(move) for move in moves if not move.change.is_unchanged]),
        (_STATE, [_state(move) for move in moves if not move.change.is_unchanged]),
        (_FINANCE, [rows.finance_row(move, now) for move in moves if move.finance is not None]),
        (_PAYMENT, [row for move in moves for row in rows.payment_rows(move)]),
    )
    for statement, values in plan:
        if values:
            written += (await connection.execute(statement.encode(), (as_json(values),))).rowcount
    history = [live.history_row(change, now) for change in turned]
    return written + await copy_rows(connection, "booking_status_history", upserts.HISTORY.columns, history)


async def _replace_facts(connection: DriverConnection, moves: Sequence[MoneyMove]) -> int:
    """Payment facts that changed: most bookings have none yet, so theirs are copied."""
    gone: list[live.Row] = []
    fresh: list[live.Row] = []
    changed: list[live.Row] = []
    for move in moves:
        change, before = move.change, move.change.before
        known = {} if before is None else before.facts.payments
        lost = [fact for key, fact in known.items() if key not in change.facts.payments]
        gone += [
            {"booking_key": change.key, "provider": f.provider, "kind": f.kind, "reference": f.reference} for f in lost
        ]
        (changed if known else fresh).extend(live.payment_facts_rows(change))
    written = 0
    if gone:
        written += (await connection.execute(_GONE_FACTS, (as_json(gone),))).rowcount
    if changed:
        statement = upserts.PAYMENT_FACT.statement
        written += (await connection.execute(statement.encode(), (as_json(changed),))).rowcount
    return written + await copy_rows(connection, "payment_fact", upserts.PAYMENT_FACT.columns, fresh)


def _statuses(move: MoneyMove) -> live.Row:
    statuses = move.change.statuses
    return {
        "booking_key": move.change.key,
        "payment": statuses.payment,
        "fulfilment": statuses.fulfilment,
        "reasons": statuses.reasons,
        "version": move.change.version,
    }


def _state(move: MoneyMove) -> live.Row:
    row = live.state_row(move.change)
    return {
        "booking_key": row["booking_key"],
        "fulfilment": row["ops_fulfillment_status"],
        "is_paid": row["is_paid_flag"],
        "paid_at": row["paid_at"],
        "version": row["state_version"],
    }
