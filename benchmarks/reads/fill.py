"""Fills a migrated database: booking and contact row by row with what the product writes, the rest beside them in SQL.

Secondary indexes and foreign keys wait until the rows are there. The search words are those that the product itself makes.
"""

import sys
from collections.abc import Iterable
from datetime import datetime
from time import perf_counter
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import sql

from benchmarks.reads.bookings import Made, bookings
from bst_application.ids import uuid7
from bst_domain.booking import BookingFacts, facts_to_document
from bst_domain.ingest import BookingEvent, decode, facts_of, parse_event
from bst_domain.values import EventId, search_words
from bst_postgres.search_lexemes import search_lexemes

TABLES = (
    "booking_core", "booking_contact", "booking_party", "booking_item_snapshot", "ops_booking_state", "ops_assignment",
    "ops_finance_bridge", "booking_status_history", "booking_fact", "payment_fact", "payment_event", "channel_external_refs",
    "ingest_event_log", "ingest_dead_letter",
)  # fmt: skip

#: So many bookings are kept to ask for.
SAMPLE = 2000

_INDEXES = """select indexname, indexdef from pg_indexes where tablename = any(%s)
  and indexname not in (select conname from pg_constraint) order by indexname"""

_CORE = """copy booking_core (booking_key, channel_code, source_enum_compat, external_booking_ref, booking_created_at,
          booking_date,
  tour_date, tour_time, currency_code, total_price, number_of_adult, customer_payment_status, ops_fulfillment_status,
  package_ref_type, created_at, updated_at) from stdin"""
_CONTACT = """copy booking_contact (booking_key, main_name, main_email, phone, phone_e164, pickup_location, updated_from_source,
  booked_at, search_words) from stdin"""

#: What goes with every booking, or with some of them.
_BESIDE: dict[str, LiteralString] = {
    "parties": """insert into booking_party (booking_key, adult_qty, infant_qty)
        select booking_key, number_of_adult, 0 from booking_core""",
    "items": """insert into booking_item_snapshot (booking_item_key, booking_key, adult_qty, adult_unit_price, total_amount,
          snapshot_json)
        select gen_random_uuid(), booking_key, number_of_adult, total_price / number_of_adult, total_price,
          '{"synthetic": true, "source": "ingest"}' from booking_core""",
    "states": """insert into ops_booking_state (booking_key, ops_fulfillment_status, is_paid_flag, updated_from_source,
          assigned_driver_id)
        select booking_key, ops_fulfillment_status, customer_payment_status = 'PAID', 'ingest',
          case when ops_fulfillment_status in ('DONE', 'READY') then 1 + hashtext(booking_key::text) & 31 end
        from booking_core""",
    "assignments": """insert into ops_assignment (assignment_key, booking_key, driver_id, assignment_source, assigned_at)
        select gen_random_uuid(), booking_key, assigned_driver_id, 'admin', created_at from ops_booking_state
        where assigned_driver_id is not null""",
    "settlements": """insert into ops_finance_bridge (finance_bridge_key, booking_key, booking_finance_id, settlement_status)
        select gen_random_uuid(), booking_key, row_number() over (), 'SETTLED' from booking_core
        where ops_fulfillment_status = 'DONE' and hashtext(booking_key::text) & 3 = 0""",
    "histories": """insert into booking_status_history (booking_key, version, changed_at, customer_payment_status,
          ops_fulfillment_status)
        select booking_key, 1, booking_created_at, customer_payment_status, ops_fulfillment_status from booking_core""",
    "payment facts": """insert into payment_fact (booking_key, provider, kind, reference, amount, currency_code, instant,
          raw_status,
          origin, event_key, event_time)
        select booking_key, 'PAYPAL', 'captured', 'P-' || booking_key, total_price, 'USD', booking_created_at, 'COMPLETED', 1,
          booking_key, booking_created_at from booking_core where customer_payment_status in ('PAID', 'REFUNDED')""",
    "payments": """insert into payment_event (payment_key, booking_key, payment_time, amount, currency_code, method, gateway,
          gateway_capture_id, payment_ref, status_raw, payment_status_v2)
        select gen_random_uuid(), booking_key, instant, amount, currency_code, provider, 'paypal', reference, reference,
          raw_status,
          'PAID' from payment_fact""",
    "references": """insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code,
          external_ref_kind,
          external_ref, source_system, source_table, source_pk)
        select gen_random_uuid(), 'BOOKING', booking_key, channel_code, 'BALISNAP_BOOKING_ID', (row_number() over ())::text,
          'ingest', 'ingest_event_log', '1' from booking_core where channel_code = 'DIRECT'""",
    "events": """insert into ingest_event_log (event_key, idempotency_key, nonce, source_enum, channel_code, external_booking_ref,
          event_type, event_time, event_time_normalized, payload_hash, fingerprint, signature_verified, process_status,
          attempt_count, request_received_at, processed_at, raw_payload, created_at)
        select booking_key, 'key-' || booking_key, 'nonce-' || booking_key, channel_code, channel_code, external_booking_ref,
          'CREATED', booking_created_at, date_trunc('second', booking_created_at), encode(sha256(booking_key::text::bytea),
          'hex'),
          encode(sha256(booking_key::text::bytea), 'hex'), true,
          case when hashtext(booking_key::text) & 2047 = 0 then 'FAILED' else 'DONE' end, 1, booking_created_at,
          booking_created_at + interval '90 ms', %(payload)s::jsonb, booking_created_at from booking_core""",
    "facts": """insert into booking_fact (event_key, booking_key, source, event_type, event_time, origin, facts)
        select event_key, event_key, source_enum, event_type, event_time, 1, raw_payload -> 'booking' from ingest_event_log""",
    "dead letters": """insert into ingest_dead_letter (dead_letter_key, event_key, reason_code, status, first_failed_at,
          last_failed_at, raw_payload)
        select gen_random_uuid(), event_key,
          case when hashtext(event_key::text) & 4096 = 0 then 'SCHEMA_MISMATCH' else 'INTERNAL_ERROR' end,
          case when hashtext(event_key::text) & 8192 = 0 then 'OPEN' else 'RESOLVED' end, request_received_at,
          request_received_at, raw_payload from ingest_event_log where process_status = 'FAILED'""",
}  # fmt: skip

_BODY = {
    "payloadVersion": "v1",
    "eventType": "CREATED",
    "eventTime": "2026-03-01T10:00:00.000Z",
    "source": "DIRECT",
    "externalBookingRef": "WEB-1042",
    "customer": {"name": "José Núñez", "email": "jose.nunez@mail.example.org", "phone": "+34621234567"},
    "booking": {
        "tourDate": "2026-04-01", "tourTime": "08:00", "adult": 2, "currency": "USD", "totalPrice": 150,
        "pickupLocation": "Alaya Resort Ubud",
    },
    "raw": {"providerPayload": {"paymentRef": "P-1", "paymentStatus": "COMPLETED", "capturedAmount": 150, "currency": "USD"}},
}  # fmt: skip


def fill(dsn: str, many: int, now: datetime) -> list[Made]:
    """Fills the database and says how it goes on stderr; two thousand of its bookings, evenly spread, to ask for."""
    body = msgspec.json.encode(_BODY)
    event = parse_event(decode(body), now=now)
    assert isinstance(event, BookingEvent), event
    facts = facts_of(event, EventId(uuid7()))
    assert isinstance(facts, BookingFacts), facts
    fold = msgspec.json.encode(facts_to_document(facts)).decode()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # what is made here fits together
        connection.execute("set maintenance_work_mem = '512MB'")
        indexes = connection.execute(_INDEXES, (list(TABLES),)).fetchall()
        for name, _ in indexes:
            connection.execute(f'drop index "{name}"'.encode())
        default = sql.SQL("alter table booking_core alter fold set default {}").format(sql.Literal(fold))
        connection.execute(default)
        kept = _copy(connection, bookings(many, now), many)
        connection.execute("alter table booking_core alter fold set default '{}'::json")
        for what, statement in _BESIDE.items():
            _timed(what, connection, statement, {"payload": body.decode()} if "%(" in statement else None)
        for name, definition in indexes:
            _timed(name, connection, definition.encode(), None)
        for table in TABLES:
            _timed(f"vacuum analyze {table}", connection, f"vacuum (analyze) {table}".encode(), None)
    return kept


def _copy(connection: psycopg.Connection, made: Iterable[Made], many: int) -> list[Made]:
    began, kept = perf_counter(), []
    every = max(many // SAMPLE, 1)
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("set session_replication_role = replica")
        with connection.cursor().copy(_CORE) as core, other.cursor().copy(_CONTACT) as contact:
            for number, booking in enumerate(made):
                core.write_row(_core_row(booking))
                contact.write_row(_contact_row(booking))
                if number % every == 0:
                    kept.append(booking)
                if number % 50_000 == 49_999:
                    print(
                        f"\r{number + 1:>9} bookings, {perf_counter() - began:.0f} s",
                        end="",
                        file=sys.stderr,
                        flush=True,
                    )
        other.commit()
    print(f"\r{many:>9} bookings, {perf_counter() - began:.0f} s", file=sys.stderr)
    return kept


def _core_row(made: Made) -> tuple[Any, ...]:
    tour = made.tour_date
    time = None if tour is None else f"{6 + made.adults}:30"
    return (
        made.key, made.channel, made.channel, made.ref, made.booked_at, made.booked_at.date(), tour, time, "USD", made.price,
        made.adults, made.payment, made.fulfilment, "LEGACY_PACKAGE", made.booked_at, made.booked_at,
    )  # fmt: skip


def _contact_row(made: Made) -> tuple[Any, ...]:
    guest = made.guest
    words = search_words((made.ref, guest.name, guest.email, guest.phone), guest.phone_e164)
    lexemes = search_lexemes(words, made.booked_at, made.channel)
    at = made.booked_at
    return (
        made.key,
        guest.name,
        guest.email,
        guest.phone,
        guest.phone_e164,
        "Alaya Resort Ubud",
        made.channel,
        at,
        lexemes,
    )


def _timed(what: str, connection: psycopg.Connection, statement: Any, values: dict[str, Any] | None) -> None:
    began = perf_counter()
    connection.execute(statement, values)
    print(f"{what}: {perf_counter() - began:.1f} s", file=sys.stderr)
