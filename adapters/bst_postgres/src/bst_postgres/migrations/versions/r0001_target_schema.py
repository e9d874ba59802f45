"""The target schema: 17 core tables, catalog_product_content and 6 ref_* tables.

Names, types, defaults, indexes and checks are facts given with the project; tests/postgres/target_schema.json repeats them.
What this system needs beyond them, or otherwise, is the next revision. Frozen: never edited once released. There is no way
down: data that a newer schema holds has no place in an older one; restore a backup instead.
"""

from typing import Final

from alembic import op

revision = "0001"
down_revision = None

_CHANNELS_AND_CATALOG: Final = """
create table channel_registry (
  channel_code varchar(32) primary key,
  channel_name varchar(128) not null,
  is_active boolean not null default true,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create table channel_external_refs (
  external_ref_key uuid primary key,
  entity_type varchar(32) not null,
  entity_key uuid not null,
  channel_code varchar(32) not null references channel_registry (channel_code),
  external_ref_kind varchar(64) not null,
  external_ref varchar(128) not null,
  source_system varchar(32) not null,
  source_table varchar(64) not null,
  source_pk varchar(128) not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create unique index ux_channel_external_refs_entity_channel_kind_ref
  on channel_external_refs (entity_type, channel_code, external_ref_kind, external_ref);
create table catalog_product (
  product_key uuid primary key,
  slug varchar(191) not null unique,
  name varchar(255) not null,
  product_category varchar(128),
  short_description text, description text,
  is_active boolean not null default true, is_featured boolean not null default false,
  thumbnail_url text,
  color_code varchar(32),
  priority integer,
  country_code varchar(2) not null default 'ID',
  region varchar(128),
  base_meeting_point text,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create table catalog_variant (
  variant_key uuid primary key,
  product_key uuid not null references catalog_product (product_key),
  code varchar(64) not null,
  name varchar(255) not null,
  service_type varchar(32) not null,
  duration_days integer not null, duration_nights integer,
  min_pax integer not null default 1, max_pax integer,
  currency_code varchar(3) not null default 'USD',
  is_default boolean not null default false,
  is_active boolean not null default true,
  booking_cutoff_hours integer not null default 24,
  cancellation_policy text,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create unique index ux_catalog_variant_product_code on catalog_variant (product_key, code);
create table catalog_variant_rate (
  variant_rate_key uuid primary key,
  variant_key uuid not null references catalog_variant (variant_key),
  traveler_type varchar(16) not null,
  currency_code varchar(3) not null default 'USD',
  price numeric(12,2) not null,
  min_quantity integer, max_quantity integer,
  valid_from timestamptz, valid_to timestamptz,
  is_active boolean not null default true,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create index ix_catalog_variant_rate_variant_active on catalog_variant_rate (variant_key, is_active);
create table catalog_product_content (
  product_key uuid primary key references catalog_product (product_key) on delete cascade,
  payload jsonb not null default '{}'::jsonb,
  updated_by varchar(191),
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
)
"""

_BOOKINGS: Final = """
create table booking_core (
  booking_key uuid primary key,
  channel_code varchar(32) not null references channel_registry (channel_code),
  source_enum_compat varchar(32),
  external_booking_ref varchar(128) not null,
  booking_created_at timestamptz not null,
  booking_date date,
  tour_date date not null,
  tour_time time,
  currency_code varchar(3) not null default 'USD',
  total_price numeric(12,2) not null default 0,
  number_of_adult integer not null default 0, number_of_child integer not null default 0,
  customer_payment_status varchar(32) not null,
  ops_fulfillment_status varchar(32) not null,
  package_ref_type varchar(32) not null,
  package_ref_key uuid,
  legacy_package_id bigint,
  note text,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
  constraint ck_booking_core_package_ref_type check (package_ref_type in (
    'LEGACY_PACKAGE', 'CATALOG_PRODUCT', 'CATALOG_VARIANT'))
);
create unique index ux_booking_core_channel_external_ref on booking_core (channel_code, external_booking_ref);
create index ix_booking_core_tour_date on booking_core (tour_date);
create index ix_booking_core_status_pair on booking_core (customer_payment_status, ops_fulfillment_status);
create table booking_contact (
  booking_key uuid primary key references booking_core (booking_key),
  main_name varchar(191), main_email varchar(191),
  phone varchar(64),
  pickup_location text, meeting_point text,
  is_placeholder_name boolean not null default false, is_placeholder_email boolean not null default false,
  updated_from_source varchar(32),
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create table booking_party (
  booking_key uuid primary key references booking_core (booking_key),
  adult_qty integer not null default 0, child_qty integer not null default 0, infant_qty integer not null default 0,
  traveler_rows jsonb,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create table booking_item_snapshot (
  booking_item_key uuid primary key,
  booking_key uuid not null references booking_core (booking_key),
  variant_key uuid references catalog_variant (variant_key),
  variant_external_id varchar(128), departure_external_id varchar(128),
  currency_code varchar(3) not null default 'USD',
  adult_qty integer not null default 0, child_qty integer not null default 0, infant_qty integer not null default 0,
  adult_unit_price numeric(12,2) not null default 0, child_unit_price numeric(12,2) not null default 0,
  discount_amount numeric(12,2) not null default 0,
  tax_amount numeric(12,2) not null default 0,
  total_amount numeric(12,2) not null default 0,
  snapshot_json jsonb,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create table payment_event (
  payment_key uuid primary key,
  booking_key uuid not null references booking_core (booking_key),
  payment_time timestamptz not null,
  amount numeric(12,2) not null,
  currency_code varchar(3) not null default 'USD',
  method varchar(32),
  gateway varchar(64),
  gateway_order_id varchar(128), gateway_capture_id varchar(128),
  payment_ref varchar(128),
  status_raw varchar(64), payment_status_v2 varchar(64),
  raw_payload jsonb,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create unique index ux_payment_event_payment_ref_not_null on payment_event (payment_ref) where payment_ref is not null;
create index ix_payment_event_booking_time on payment_event (booking_key, payment_time desc)
"""

_OPS: Final = """
create table ops_booking_state (
  booking_key uuid primary key references booking_core (booking_key),
  ops_fulfillment_status varchar(32) not null,
  assigned_driver_id integer,
  assigned_partner_id integer,
  assigned_at timestamptz,
  is_paid_flag boolean not null default false,
  paid_at timestamptz,
  state_version integer not null default 1,
  updated_from_source varchar(32),
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create table ops_assignment (
  assignment_key uuid primary key,
  booking_key uuid not null references booking_core (booking_key),
  driver_id integer,
  partner_id integer,
  assignment_source varchar(32) not null,
  assigned_at timestamptz not null,
  unassigned_at timestamptz,
  is_active boolean not null default true,
  notes text,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create index ix_ops_assignment_booking_active on ops_assignment (booking_key, is_active);
create table ops_finance_bridge (
  finance_bridge_key uuid primary key,
  booking_key uuid not null references booking_core (booking_key),
  booking_finance_id bigint,
  pattern_id bigint,
  validated_at timestamptz,
  is_locked boolean not null default false,
  settlement_status varchar(32),
  last_reconciled_at timestamptz,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now()
);
create unique index ux_ops_finance_bridge_booking_key on ops_finance_bridge (booking_key)
"""

_INGEST_AND_QUEUES: Final = """
create table ingest_event_log (
  event_key uuid primary key,
  idempotency_key varchar(128) not null,
  nonce varchar(128) not null,
  source_enum varchar(32) not null,
  channel_code varchar(32) not null references channel_registry (channel_code),
  external_booking_ref varchar(128) not null,
  event_type varchar(32) not null,
  event_time timestamptz not null,
  event_time_normalized timestamptz not null,
  payload_hash varchar(64) not null,
  signature_verified boolean not null default false,
  process_status varchar(32) not null,
  attempt_count integer not null default 0,
  next_retry_at timestamptz,
  request_received_at timestamptz not null default now(),
  processed_at timestamptz,
  raw_payload jsonb not null,
  error_message text,
  created_at timestamptz not null default now(),
  constraint ck_ingest_event_process_status check (process_status in (
    'RECEIVED', 'PROCESSING', 'DONE', 'FAILED'))
);
create unique index ux_ingest_event_idempotency_key on ingest_event_log (idempotency_key);
create unique index ux_ingest_event_secondary_dedup
  on ingest_event_log (source_enum, external_booking_ref, event_type, event_time_normalized);
create index ix_ingest_event_process_retry on ingest_event_log (process_status, next_retry_at);
create index ix_ingest_event_nonce_received_at on ingest_event_log (nonce, request_received_at desc);
create index ix_ingest_event_created_at on ingest_event_log (created_at);
create table ingest_dead_letter (
  dead_letter_key uuid primary key,
  event_key uuid not null references ingest_event_log (event_key),
  reason_code varchar(64) not null,
  reason_detail text,
  poison_message boolean not null default false,
  replay_count integer not null default 0,
  status varchar(32) not null default 'OPEN',
  first_failed_at timestamptz not null, last_failed_at timestamptz not null,
  next_replay_at timestamptz,
  raw_payload jsonb not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
  constraint ck_ingest_dead_letter_status check (status in (
    'OPEN', 'READY', 'REPLAYING', 'SUCCEEDED', 'FAILED', 'RESOLVED', 'CLOSED'))
);
create index ix_ingest_dead_letter_status_failed_at on ingest_dead_letter (status, last_failed_at);
create index ix_ingest_dead_letter_updated_at on ingest_dead_letter (updated_at);
create table unmapped_queue (
  queue_key uuid primary key,
  queue_type varchar(64) not null,
  channel_code varchar(32) references channel_registry (channel_code),
  source_system varchar(32) not null,
  source_table varchar(64) not null,
  source_pk varchar(128) not null,
  reason_code varchar(64) not null,
  reason_detail text,
  status varchar(32) not null default 'OPEN',
  payload jsonb,
  resolved_by varchar(128),
  resolved_at timestamptz,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
  constraint ck_unmapped_queue_status check (status in ('OPEN', 'IN_REVIEW', 'RESOLVED', 'CLOSED'))
);
create index ix_unmapped_queue_status_type_created on unmapped_queue (status, queue_type, created_at);
create table migration_run_log (
  run_key uuid primary key,
  batch_code varchar(16) not null,
  script_name varchar(191) not null,
  script_checksum varchar(64) not null,
  run_status varchar(32) not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  rows_affected bigint,
  report_path text,
  error_message text,
  created_at timestamptz not null default now()
)
"""

# The vocabularies, for people and reports; the check constraints above enforce them.
_REFERENCE: Final = (
    ("ref_mapping_status", "status_code", "status_label"),
    ("ref_ingest_status", "status_code", "status_label"),
    ("ref_replay_status", "status_code", "status_label"),
    ("ref_package_ref_type", "type_code", "type_label"),
    ("ref_dead_letter_status", "status_code", "status_label"),
    ("ref_unmapped_queue_status", "status_code", "status_label"),
)


def upgrade() -> None:
    for group in (_CHANNELS_AND_CATALOG, _BOOKINGS, _OPS, _INGEST_AND_QUEUES):
        for statement in group.split(";"):
            op.execute(statement)
    for table, code, label in _REFERENCE:
        op.execute(
            f"create table {table} ({code} varchar(32) primary key, {label} varchar(128) not null,"
            " created_at timestamptz not null default now(), updated_at timestamptz not null default now())"
        )
