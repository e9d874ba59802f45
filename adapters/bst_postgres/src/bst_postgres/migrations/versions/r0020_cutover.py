"""What is kept while two systems do the same work: which processes know the flags, which legacy rows were compared, what shadow
reads found, and what dual writes came to.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from typing import Final

from alembic import op

revision = "0020"
down_revision = "0019"

_STATEMENTS: Final = (
    """create table flag_sight (
         process_key uuid primary key,
         component varchar(32) not null,
         host varchar(191) not null,
         pid integer not null,
         flag_values jsonb not null,
         seen_at timestamptz not null)""",
    "create index ix_flag_sight_seen_at on flag_sight (seen_at)",
    """create table cutover_mark (
         source_system varchar(32) primary key,
         changed_at timestamptz not null,
         row_id bigint not null,
         updated_at timestamptz not null default now())""",
    """create table cutover_seen (
         source_system varchar(32) not null,
         source_table varchar(64) not null,
         source_pk bigint not null,
         changed_at timestamptz not null,
         digest varchar(64) not null,
         booking_key uuid,
         note varchar(64),
         seen_at timestamptz not null,
         primary key (source_system, source_table, source_pk))""",
    """create index ix_cutover_seen_unreached on cutover_seen (changed_at)
         where booking_key is null and note is null""",
    """create table shadow_tally (
         hour timestamptz not null,
         field varchar(32) not null,
         compared bigint not null,
         mismatched bigint not null,
         primary key (hour, field))""",
    """create table shadow_example (
         channel_code varchar(32) not null,
         external_booking_ref varchar(128) not null,
         field varchar(32) not null,
         core_value text not null,
         legacy_value text not null,
         seen_at timestamptz not null,
         primary key (channel_code, external_booking_ref, field))""",
    "create index ix_shadow_example_seen_at on shadow_example (seen_at desc)",
    """create table cutover_write (
         write_id varchar(128) primary key,
         reported_at timestamptz not null,
         operation varchar(64) not null,
         digest varchar(64) not null,
         mismatch boolean not null,
         report jsonb not null)""",
    "create index ix_cutover_write_reported_at on cutover_write (reported_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
