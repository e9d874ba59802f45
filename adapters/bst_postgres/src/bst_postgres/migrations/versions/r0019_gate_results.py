"""What gates said of a batch, so that the next one can look; and who went on all the same, in the run's own row.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute(
        """create table migration_gate_result (
             result_key uuid primary key,
             gate varchar(64) not null,
             batch_code varchar(16) not null,
             judged_run uuid,
             verdict varchar(8) not null,
             checks jsonb not null,
             report_path text,
             measured_at timestamptz not null,
             created_at timestamptz not null default now(),
             constraint ck_migration_gate_result_verdict check (verdict in ('PASS', 'HOLD', 'FAIL')))"""
    )
    op.execute(
        """create index ix_migration_gate_result_newest on migration_gate_result
             (gate, created_at desc, result_key desc)"""
    )
    op.execute("alter table migration_run_log add column override jsonb")
