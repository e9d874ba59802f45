"""What docs/scaling.md says of an event log in partitions, tried out on a real PostgreSQL.

The schema has no partitions yet; these tests keep the plan for them honest.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

Connection = psycopg.Connection[Any]

DAY = datetime(2026, 11, 21, tzinfo=UTC)


def first_id_of(instant: datetime) -> UUID:
    """The least UUIDv7 of an instant: 48 bits of milliseconds before everything else."""
    return UUID(int=round(instant.timestamp() * 1000) << 80)


def an_id_of(instant: datetime) -> UUID:
    return UUID(int=first_id_of(instant).int | 0x7 << 76 | 0x2 << 62 | uuid4().int % (1 << 62))


@pytest.fixture
def connection(postgres_dsn: str) -> Iterator[Connection]:
    """The migrated schema with a copy of its event log in daily partitions, and its keys in a table of their own."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("create table log (like ingest_event_log including defaults) partition by range (event_key)")
        connection.execute("alter table log add primary key (event_key)")
        connection.execute("create table log_keys (idempotency_key text primary key, event_key uuid not null)")
        connection.execute("create table letters (event_key uuid references log)")
        for day in range(3):
            ends = [first_id_of(DAY + timedelta(days=each)) for each in (day, day + 1)]
            connection.execute(
                f"create table log_{day} partition of log for values from ('{ends[0]}') to ('{ends[1]}')".encode()
            )
        yield connection


def accept(connection: Connection, key: str, at: datetime) -> UUID | None:
    """One event, if its key is new: the key decides, in the commit of the row."""
    event = an_id_of(at)
    with connection.transaction():
        won = connection.execute(
            "insert into log_keys values (%s, %s) on conflict do nothing returning 1", (key, event)
        ).fetchone()
        if won is None:
            return None
        connection.execute(
            "insert into log (event_key, idempotency_key, nonce, source_enum, channel_code, external_booking_ref,"
            " event_type, event_time, event_time_normalized, payload_hash, fingerprint, process_status, raw_payload)"
            " values (%s, %s, 'n', 'GYG', 'GYG', 'R', 'CREATED', now(), now(), '', '', 'DONE', '{}')",
            (event, key),
        )
    return event


def test_a_key_cannot_be_unique_across_partitions(connection: Connection) -> None:
    with pytest.raises(errors.FeatureNotSupported, match="unique constraint on partitioned table must include all"):
        connection.execute("create unique index on log (idempotency_key)")


def test_a_table_of_keys_is_unique_over_all_days(connection: Connection) -> None:
    event = accept(connection, "a", DAY)
    assert event is not None
    assert accept(connection, "a", DAY + timedelta(days=1)) is None
    assert connection.execute("select event_key from log").fetchall() == [(event,)]


def test_an_event_is_in_the_partition_of_its_id_and_found_by_it_alone(connection: Connection) -> None:
    event = accept(connection, "a", DAY + timedelta(days=1, hours=5))
    assert connection.execute("select tableoid::regclass::text from log").fetchone() == ("log_1",)
    plan = connection.execute(f"explain select * from log where event_key = '{event}'".encode()).fetchall()
    assert "log_1" in str(plan)
    assert "log_0" not in str(plan)


def test_a_day_is_dropped_without_touching_a_row_unless_a_dead_letter_needs_it(connection: Connection) -> None:
    event = accept(connection, "a", DAY)
    connection.execute("insert into letters values (%s)", (event,))
    with pytest.raises(errors.ForeignKeyViolation):
        connection.execute("alter table log detach partition log_0")
    connection.execute("delete from letters")
    connection.execute("alter table log detach partition log_0 concurrently")
    connection.execute("drop table log_0")
    assert connection.execute("select count(*) from log").fetchone() == (0,)
    assert accept(connection, "a", DAY + timedelta(days=1)) is None  # the key outlives the row
