"""What the semantics need beyond the target schema, or otherwise. docs/schema.md gives the reason for each.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from typing import Final

from alembic import op

revision = "0002"
down_revision = "0001"

# Semantics 6: an update may arrive before its CREATED; what nobody has said yet is null, not zero and not USD.
_INCOMPLETE_BOOKINGS: Final = """
alter table booking_core
  alter column tour_date drop not null,
  alter column currency_code drop not null,
  alter column currency_code drop default,
  alter column total_price drop not null,
  alter column total_price drop default,
  alter column number_of_adult drop not null,
  alter column number_of_adult drop default,
  alter column number_of_child drop not null,
  alter column number_of_child drop default;
alter table booking_party
  alter column adult_qty drop not null,
  alter column adult_qty drop default,
  alter column child_qty drop not null,
  alter column child_qty drop default,
  alter column infant_qty drop not null,
  alter column infant_qty drop default;
alter table payment_event
  alter column currency_code drop not null,
  alter column currency_code drop default
"""

# Semantics 2 to 5: registers with stamps, the version that an acknowledgement names, the reasons beside the status.
_FOLDED_BOOKINGS: Final = """
alter table booking_core
  add column fold jsonb not null default '{}'::jsonb,
  add column version integer not null default 1,
  add column status_reasons text[] not null default '{}'::text[];
create index ix_booking_core_newest on booking_core (booking_created_at desc, booking_key desc);
alter table booking_contact add column phone_e164 varchar(16);
create table booking_fact (
  event_key uuid primary key,
  booking_key uuid not null references booking_core (booking_key),
  source varchar(32) not null,
  event_type varchar(32) not null,
  event_time timestamptz not null,
  origin smallint not null,
  facts jsonb not null,
  recorded_at timestamptz not null default now()
);
create index ix_booking_fact_booking_time on booking_fact (booking_key, event_time);
create table payment_fact (
  booking_key uuid not null references booking_core (booking_key),
  provider varchar(64) not null,
  kind varchar(16) not null,
  reference varchar(128) not null,
  order_id varchar(128),
  amount numeric(12,2) not null,
  currency_code varchar(3),
  instant timestamptz not null,
  raw_status varchar(64) not null,
  partially_returned boolean not null default false,
  weak boolean not null default false,
  origin smallint not null,
  event_key uuid not null,
  event_time timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (booking_key, provider, kind, reference),
  constraint ck_payment_fact_kind check (kind in ('captured', 'refunded', 'reversed', 'pending', 'failed', 'voided'))
);
create table booking_status_history (
  booking_key uuid not null references booking_core (booking_key),
  version integer not null,
  changed_at timestamptz not null,
  customer_payment_status varchar(32) not null,
  ops_fulfillment_status varchar(32) not null,
  status_reasons text[] not null default '{}'::text[],
  primary key (booking_key, version)
)
"""

# Semantics 6: the nonce, the event row and the staged job are one commit; an equal body is what makes a duplicate.
_ACCEPTING: Final = """
alter table ingest_event_log add column fingerprint varchar(64) not null;
drop index ux_ingest_event_secondary_dedup;
create unique index ux_ingest_event_secondary_dedup on ingest_event_log
  (source_enum, external_booking_ref, event_type, event_time_normalized, fingerprint);
create index ix_ingest_dead_letter_event_key on ingest_dead_letter (event_key);
create table ingest_nonce (
  nonce varchar(128) primary key,
  seen_at timestamptz not null
);
create index ix_ingest_nonce_seen_at on ingest_nonce (seen_at);
create table ingest_staged_job (
  job_id uuid primary key,
  event_keys uuid[] not null,
  staged_at timestamptz not null
);
create index ix_ingest_staged_job_staged_at on ingest_staged_job (staged_at)
"""

_AUDIT: Final = """
create table audit_log (
  audit_id uuid primary key,
  event_type varchar(64) not null,
  actor varchar(191) not null,
  resource_type varchar(64),
  resource_id varchar(191),
  metadata jsonb not null default '{}'::jsonb,
  request_id varchar(128),
  created_at timestamptz not null default now()
);
create index ix_audit_log_created_at on audit_log (created_at)
"""

_REFUSE: Final = """
create function audit_log_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit_log is append-only: % is refused', tg_op
    using errcode = 'restrict_violation', hint = 'Append an entry that corrects the earlier one.';
end
$$
"""

# A statement trigger also speaks where no row matches, and for TRUNCATE.
_GUARD: Final = """
create trigger audit_log_append_only before update or delete or truncate on audit_log
for each statement execute function audit_log_refuse_change()
"""

# Also with session_replication_role = replica, which switches ordinary triggers off.
_ALWAYS: Final = "alter table audit_log enable always trigger audit_log_append_only"


def upgrade() -> None:
    for group in (_INCOMPLETE_BOOKINGS, _FOLDED_BOOKINGS, _ACCEPTING, _AUDIT):
        for statement in group.split(";"):
            op.execute(statement)
    for statement in (_REFUSE, _GUARD, _ALWAYS):
        op.execute(statement)
