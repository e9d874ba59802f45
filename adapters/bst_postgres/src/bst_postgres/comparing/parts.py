"""What of a booking is digested, and how: the columns that back-fill writes, table by table.

A digest is the first half of the SHA-256 of the row's text form. What that form depends on is fixed for the transaction, so that
it is the same in all versions of PostgreSQL, time zones and locales.
"""

from collections.abc import Mapping, Sequence

from attrs import frozen

from bst_application.ports.comparing import Part
from bst_postgres.database import DriverConnection

#: What the text form of a row depends on, and room to group a million keys in memory; no statement here is brief.
SESSION = """
set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
set local extra_float_digits = 1; set local bytea_output = 'hex'; set local work_mem = '128MB';
set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0
"""
UNKNOWN = "0::bit(128)"


@frozen(kw_only=True)
class Table:
    """``key`` leads to the booking. ``by_key``: an index finds a booking's rows; else only a pass over all does."""

    name: str
    columns: str
    key: str = "booking_key"
    where: str = "true"
    main: bool = False
    by_key: bool = True
    below: bool = False  # follows its source without a new version of the booking


PARTS: Mapping[Part, Sequence[Table]] = {
    Part.BODY: (
        Table(
            name="booking_core",
            columns="booking_key, channel_code, external_booking_ref, booking_created_at, booking_date, tour_date, tour_time,"
            " currency_code, total_price, number_of_adult, number_of_child, package_ref_type, package_ref_key,"
            " legacy_package_id, note",
            main=True,
        ),
        Table(
            name="booking_contact",
            columns="booking_key, main_name, main_email, phone, phone_e164, pickup_location, meeting_point, is_placeholder_name,"
            " is_placeholder_email",
        ),
        Table(name="booking_party", below=True, columns="booking_key, adult_qty, child_qty, infant_qty, traveler_rows"),
        Table(
            name="booking_item_snapshot",
            below=True,
            columns="booking_item_key, booking_key, variant_key, variant_external_id, departure_external_id, currency_code,"
            " adult_qty, child_qty, infant_qty, adult_unit_price, child_unit_price, discount_amount, tax_amount, total_amount,"
            " snapshot_json",
        ),
        Table(name="ops_booking_state", columns="booking_key, assigned_driver_id, assigned_at"),
        Table(
            name="ops_assignment",
            columns="assignment_key, booking_key, driver_id, assignment_source, assigned_at, is_active",
        ),
        Table(
            name="channel_external_refs",
            columns="external_ref_key, entity_key, channel_code, external_ref_kind, external_ref, source_system, source_table,"
            " source_pk, mapping_status",
            key="entity_key",
            where="entity_type = 'BOOKING'",
            by_key=False,
        ),
    ),
    Part.MONEY: (
        Table(
            name="booking_core",
            columns="booking_key, customer_payment_status, ops_fulfillment_status, status_reasons",
            main=True,
        ),
        Table(name="ops_booking_state", columns="booking_key, ops_fulfillment_status, is_paid_flag, paid_at"),
        Table(
            name="payment_event",
            below=True,
            columns="payment_key, booking_key, payment_time, amount, currency_code, method, gateway, gateway_order_id,"
            " gateway_capture_id, payment_ref, status_raw, payment_status_v2, raw_payload",
        ),
        Table(
            name="payment_fact",
            columns="booking_key, provider, kind, reference, order_id, amount, currency_code, instant, raw_status,"
            " partially_returned, weak, origin, event_key, event_time",
        ),
        Table(
            name="ops_finance_bridge",
            below=True,
            columns="finance_bridge_key, booking_key, booking_finance_id, pattern_id, validated_at, is_locked,"
            " settlement_status",
        ),
    ),
}


def digested(tables: Sequence[Table], *, low: str | None = None, high: str | None = None, only: str = "true") -> str:
    """Their rows as (key, main, digest). ``only`` is a condition on ``{key}``."""
    branches = []
    for table in tables:
        key = f"part.{table.key}"
        columns = ", ".join(f"part.{name.strip()}" for name in table.columns.split(","))
        text = f"row('{table.name}', {columns})::text"
        digest = f"('x' || left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), 32))::bit(128)"
        within = "true" if low is None else f"{key} >= {low} and {key} <= {high}"
        branches.append(
            f"select {key} as key, {int(table.main)} as main, {digest} as digest from {table.name} part"
            f" where {table.where} and {within} and {only.format(key=key)}"
        )
    return " union all ".join(branches)


# Bookings that only live events made: nothing of them was moved in, and nobody compares them.
LIVE_ONLY = """
create temp table live_only on commit drop as
select booking_key from booking_fact group by booking_key having min(origin) > 0
"""
NOT_LIVE_ONLY = "not exists (select from live_only where live_only.booking_key = {key})"


async def prepare(connection: DriverConnection) -> str:
    """Fixes the session, and returns the condition on ``{key}`` that leaves out what only live events made."""
    await connection.execute(SESSION)
    made = await connection.execute(LIVE_ONLY)
    if not made.rowcount:  # a temporary table keeps a statement from being worked on in parallel
        return "true"
    await connection.execute("create unique index on live_only (booking_key)")
    await connection.execute("analyze live_only")
    return NOT_LIVE_ONLY
