"""Publishing the catalog: jobs, the payloads that were frozen at review, which of them is current, and an event for each change.

A payload is text, byte for byte what its checksum is of; a trigger keeps it as it was reviewed. One row says what is current, and
whoever freezes or publishes holds it, so versions and events are numbered in the order of their commits.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS = (
    """create table catalog_publish_job (
         job_key uuid primary key,
         status varchar(16) not null,
         item_keys uuid[] not null,
         item_count integer not null,
         note text,
         version bigint,
         created_by varchar(191) not null,
         reviewed_by varchar(191),
         published_by varchar(191),
         published_at timestamptz,
         failure_reason text,
         created_at timestamptz not null default now(),
         updated_at timestamptz not null default now(),
         constraint ck_catalog_publish_job_status check (status in ('DRAFT', 'IN_REVIEW', 'PUBLISHED', 'FAILED'))
       )""",
    "create index ix_catalog_publish_job_updated_at on catalog_publish_job (updated_at desc, job_key desc)",
    """create table catalog_snapshot (
         version bigint primary key,
         job_key uuid not null references catalog_publish_job (job_key),
         payload text not null,
         checksum varchar(64) not null,
         item_count integer not null,
         frozen_at timestamptz not null,
         frozen_by varchar(191) not null,
         published_at timestamptz,
         published_by varchar(191)
       )""",
    """create index ix_catalog_snapshot_published on catalog_snapshot (version desc) where published_at is not null""",
    """create function catalog_snapshot_is_frozen() returns trigger language plpgsql as $$
       begin
         raise exception 'a reviewed catalog payload is never changed' using errcode = 'restrict_violation';
       end $$""",
    """create trigger catalog_snapshot_is_frozen before update on catalog_snapshot for each row
         when ((old.version, old.job_key, old.payload, old.checksum, old.item_count, old.frozen_at, old.frozen_by)
           is distinct from (new.version, new.job_key, new.payload, new.checksum, new.item_count, new.frozen_at, new.frozen_by))
         execute function catalog_snapshot_is_frozen()""",
    """create trigger catalog_snapshot_stays before delete or truncate on catalog_snapshot for each statement
         execute function catalog_snapshot_is_frozen()""",
    """create table catalog_publication (
         is_only boolean primary key default true,
         version bigint references catalog_snapshot (version),
         newest_version bigint not null default 0,
         last_version bigint not null default 0,
         last_sequence bigint not null default 0,
         constraint ck_catalog_publication_is_only check (is_only)
       )""",
    "insert into catalog_publication (is_only) values (true)",
    """create table catalog_publish_event (
         sequence bigint primary key,
         kind varchar(16) not null,
         version bigint not null references catalog_snapshot (version),
         previous_version bigint,
         job_key uuid not null,
         checksum varchar(64) not null,
         item_count integer not null,
         actor varchar(191) not null,
         reason text,
         created_at timestamptz not null default now(),
         constraint ck_catalog_publish_event_kind check (kind in ('PUBLISHED', 'ROLLED_BACK'))
       )""",
    """create table catalog_publish_nonce (
         nonce varchar(128) primary key,
         seen_at timestamptz not null
       )""",
    "create index ix_catalog_publish_nonce_seen_at on catalog_publish_nonce (seen_at)",
    """create table catalog_publish_request (
         idempotency_key varchar(128) not null,
         path varchar(255) not null,
         body_hash varchar(64) not null,
         subject varchar(64) not null,
         created_at timestamptz not null,
         primary key (idempotency_key, path)
       )""",
    "create index ix_catalog_publish_request_created_at on catalog_publish_request (created_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
