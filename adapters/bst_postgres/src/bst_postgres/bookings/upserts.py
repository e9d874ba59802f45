"""The statements that write a folded booking: per table its columns with their types, and what an existing row keeps.

Rows come as one JSON parameter through ``json_to_recordset``: many times cheaper than lists of adapted values.
"""

from attrs import field, frozen


@frozen(kw_only=True)
class Upsert:
    """A table, its columns with their types, and the key; all other columns follow the incoming row."""

    table: str
    key: str
    columns: dict[str, str]
    keep: frozenset[str] = frozenset()  # columns that an existing row keeps
    ignore: bool = False  # existing rows stay as they are
    statement: str = field(init=False, repr=False)

    @statement.default
    def _statement(self) -> str:
        names = ", ".join(self.columns)
        typed = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        updated = [name for name in self.columns if name not in self.keep and name not in self.key.split(", ")]
        then = (
            "nothing"
            if self.ignore
            else f"update set {', '.join(f'{name} = excluded.{name}' for name in updated)}, updated_at = now()"
        )
        return (
            f"insert into {self.table} ({names}) select {names} from json_to_recordset(%s::json) as given ({typed})"
            f" on conflict ({self.key}) do {then}"
        )


_STATUSES = {"customer_payment_status": "text", "ops_fulfillment_status": "text"}
CORE = Upsert(
    table="booking_core",
    key="booking_key",
    columns={
        "booking_key": "uuid",
        "channel_code": "text",
        "source_enum_compat": "text",
        "external_booking_ref": "text",
        "booking_created_at": "timestamptz",
        "booking_date": "date",
        "tour_date": "date",
        "tour_time": "time",
        "currency_code": "text",
        "total_price": "numeric",
        "number_of_adult": "int",
        "number_of_child": "int",
        **_STATUSES,
        "package_ref_type": "text",
        "package_ref_key": "uuid",
        "legacy_package_id": "bigint",
        "package_external_ref": "text",
        "note": "text",
        "version": "int",
        "status_reasons": "text[]",
        "fold": "json",
    },
    keep=frozenset({"channel_code", "source_enum_compat", "external_booking_ref"}),
)
CONTACT = Upsert(
    table="booking_contact",
    key="booking_key",
    columns={
        "booking_key": "uuid",
        "main_name": "text",
        "main_email": "text",
        "phone": "text",
        "phone_e164": "text",
        "pickup_location": "text",
        "meeting_point": "text",
        "is_placeholder_name": "boolean",
        "is_placeholder_email": "boolean",
        "updated_from_source": "text",
        "booked_at": "timestamptz",
        "search_words": "tsvector",
    },
)
PARTY = Upsert(
    table="booking_party",
    key="booking_key",
    columns={"booking_key": "uuid", "adult_qty": "int", "child_qty": "int", "infant_qty": "int"},
)
ITEM = Upsert(
    table="booking_item_snapshot",
    key="booking_item_key",
    columns={
        "booking_item_key": "uuid",
        "booking_key": "uuid",
        "currency_code": "text",
        "adult_qty": "int",
        "child_qty": "int",
        "infant_qty": "int",
        "adult_unit_price": "numeric",
        "total_amount": "numeric",
        "snapshot_json": "jsonb",
    },
)
STATE = Upsert(
    table="ops_booking_state",
    key="booking_key",
    columns={
        "booking_key": "uuid",
        "ops_fulfillment_status": "text",
        "is_paid_flag": "boolean",
        "paid_at": "timestamptz",
        "state_version": "int",
        "updated_from_source": "text",
    },
)
HISTORY = Upsert(
    table="booking_status_history",
    key="booking_key, version",
    columns={
        "booking_key": "uuid",
        "version": "int",
        "changed_at": "timestamptz",
        **_STATUSES,
        "status_reasons": "text[]",
    },
    ignore=True,
)
FACT = Upsert(
    table="booking_fact",
    key="event_key",
    columns={
        "event_key": "uuid",
        "booking_key": "uuid",
        "source": "text",
        "event_type": "text",
        "event_time": "timestamptz",
        "origin": "int",
        "facts": "jsonb",
        "recorded_at": "timestamptz",
        "version": "int",
    },
    ignore=True,
)
PAYMENT_FACT = Upsert(
    table="payment_fact",
    key="booking_key, provider, kind, reference",
    columns={
        "booking_key": "uuid",
        "provider": "text",
        "kind": "text",
        "reference": "text",
        "order_id": "text",
        "amount": "numeric",
        "currency_code": "text",
        "instant": "timestamptz",
        "raw_status": "text",
        "partially_returned": "boolean",
        "weak": "boolean",
        "also_called": "text",
        "origin": "int",
        "event_key": "uuid",
        "event_time": "timestamptz",
    },
)
REFERENCE = Upsert(
    table="channel_external_refs",
    key="entity_type, channel_code, external_ref_kind, external_ref",
    columns={
        "external_ref_key": "uuid",
        "entity_type": "text",
        "entity_key": "uuid",
        "channel_code": "text",
        "external_ref_kind": "text",
        "external_ref": "text",
        "source_system": "text",
        "source_table": "text",
        "source_pk": "text",
    },
    ignore=True,
)

# payment_ref is unique over all bookings. A reference that two bookings claim stays with the first; the other one's row
# shows it in gateway_capture_id alone, because a projection must never make an event fail.
PAYMENT = """
insert into payment_event (payment_key, booking_key, payment_time, amount, currency_code, method, gateway,
  gateway_order_id, gateway_capture_id, payment_ref, status_raw, payment_status_v2)
select given.payment_key, given.booking_key, given.payment_time, given.amount, given.currency_code, given.method,
  given.gateway, given.order_id, given.capture_id,
  case when exists (select 1 from payment_event other where other.payment_ref = given.reference
    and other.payment_key <> given.payment_key) then null else given.reference end, given.status_raw, given.status
from json_to_recordset(%s::json) as given (payment_key uuid, booking_key uuid, payment_time timestamptz, amount numeric,
  currency_code text, method text, gateway text, order_id text, capture_id text, reference text, status_raw text,
  status text)
on conflict (payment_key) do update set payment_time = excluded.payment_time, amount = excluded.amount,
  currency_code = excluded.currency_code, gateway_order_id = excluded.gateway_order_id,
  gateway_capture_id = excluded.gateway_capture_id, status_raw = excluded.status_raw,
  payment_status_v2 = excluded.payment_status_v2, updated_at = now()
"""

# An entry that is there, or was and is settled, stays as it is: nobody is asked twice. Nor where a mapping in doubt waits for the
# same; no mapping of these packages is written meanwhile (see mapped_packages).
UNMAPPED = """
insert into unmapped_queue (queue_key, queue_type, channel_code, source_system, source_table, source_pk, reason_code,
  status, external_ref_kind, external_ref, created_at, updated_at)
select queue_key, queue_type, channel_code, source_system, source_table, source_pk, reason_code, status, external_ref_kind,
  external_ref, created_at, created_at
from json_to_recordset(%s::json) as given (queue_key uuid, queue_type text, channel_code text, source_system text,
  source_table text, source_pk text, reason_code text, status text, external_ref_kind text, external_ref text,
  created_at timestamptz)
where not exists (select 1 from unmapped_queue waiting where waiting.queue_type = given.queue_type
  and waiting.status in ('OPEN', 'IN_REVIEW') and waiting.channel_code = given.channel_code
  and waiting.external_ref_kind = given.external_ref_kind and waiting.external_ref = given.external_ref)
on conflict do nothing
"""
