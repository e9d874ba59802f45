"""What operators need: one active assignment at most, drivers and partners, conflicts, and which version took in which fact.

A booking that has several active assignments keeps the newest; the others ended when this ran.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from typing import Final

from alembic import op

revision = "0013"
down_revision = "0012"

_STATEMENTS: Final = (
    """update ops_assignment older set is_active = false, unassigned_at = now(), updated_at = now()
       where is_active and exists (
         select 1 from ops_assignment newer
         where newer.booking_key = older.booking_key and newer.is_active
           and (newer.assigned_at, newer.assignment_key) > (older.assigned_at, older.assignment_key))""",
    "create unique index ux_ops_assignment_one_active on ops_assignment (booking_key) where is_active",
    # An acknowledgement names a version: what came in afterwards is news. Null: taken in before versions were noted here.
    "alter table booking_fact add column version integer",
    *(
        f"""create table ops_{kind} (
              {kind}_id integer primary key,
              {kind}_name varchar(191) not null,
              is_active boolean not null default true,
              created_at timestamptz not null default now(),
              updated_at timestamptz not null default now()
            )"""
        for kind in ("driver", "partner")
    ),
    """create table booking_conflict (
         conflict_key uuid primary key,
         booking_key uuid not null references booking_core (booking_key),
         module varchar(32) not null,
         fields text[] not null,
         shown_values jsonb not null,
         core_values jsonb not null,
         legacy_values jsonb not null,
         severity varchar(16) not null,
         opened_by varchar(191) not null,
         opened_at timestamptz not null,
         due_at timestamptz not null,
         choice varchar(16) constraint ck_booking_conflict_choice check (choice in ('CORE', 'LEGACY', 'SHOWN')),
         settled_by varchar(191),
         settle_reason text,
         settled_at timestamptz
       )""",
    "create index ix_booking_conflict_booking on booking_conflict (booking_key, opened_at)",
    "create index ix_booking_conflict_open on booking_conflict (due_at) where settled_at is null",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
