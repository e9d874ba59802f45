"""Principals who administer and producers that send, with their tokens and secrets.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from typing import Final

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS: Final = (
    """create table principal (
         principal_key uuid primary key,
         principal_name varchar(128) not null constraint ux_principal_name unique,
         principal_role varchar(16) not null,
         made_by varchar(191) not null,
         disabled_at timestamptz,
         created_at timestamptz not null default now(),
         constraint ck_principal_role check (principal_role in ('ADMIN', 'MANAGER', 'STAFF'))
       )""",
    """create table principal_token (
         token_key uuid primary key,
         principal_key uuid not null references principal (principal_key),
         token_digest varchar(64) not null constraint ux_principal_token_digest unique,
         made_by varchar(191) not null,
         ended_at timestamptz,
         created_at timestamptz not null default now()
       )""",
    """create table producer (
         producer_key uuid primary key,
         producer_name varchar(62) not null constraint ux_producer_name unique,
         sources text[] not null,
         made_by varchar(191) not null,
         disabled_at timestamptz,
         created_at timestamptz not null default now()
       )""",
    """create table producer_token (
         token_key uuid primary key,
         producer_key uuid not null references producer (producer_key),
         token_digest varchar(64) not null constraint ux_producer_token_digest unique,
         made_by varchar(191) not null,
         ended_at timestamptz,
         created_at timestamptz not null default now()
       )""",
    """create table producer_secret (
         secret_key uuid primary key,
         producer_key uuid not null references producer (producer_key),
         ciphertext text not null,
         made_by varchar(191) not null,
         ended_at timestamptz,
         created_at timestamptz not null default now()
       )""",
    # A producer's name of 62 characters and a blank stand before its keys, which may have 128.
    "alter table ingest_event_log alter column idempotency_key type varchar(191)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
