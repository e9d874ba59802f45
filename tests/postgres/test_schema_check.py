"""Gate A's look at the schema: a migrated database is right, and everything that may be otherwise is seen."""

import psycopg
import pytest

from bst_domain.migration import SchemaFigures, Verdict, schema_checks
from bst_postgres.batch_figures import PostgresBatchFigures
from bst_postgres.database import Database
from bst_postgres.schema_check import TARGET_TABLES, schema_figures

#: What somebody did -> the check that sees it, and the name that it is listed under.
CHANGES = {
    "drop table catalog_product_content": ("A-01_differing_columns", "catalog_product_content.payload missing"),
    "alter table booking_core drop column note": ("A-01_target_tables", "booking_core.note missing"),
    "alter table booking_contact alter column phone type text": (
        "A-01_target_tables",
        "booking_contact.phone is TEXT instead of VARCHAR(64)",
    ),
    "alter table booking_core alter column channel_code drop not null": (
        "A-01_target_tables",
        "booking_core.channel_code may be null",
    ),
    "alter table booking_core alter column version drop default": (
        "A-01_target_tables",
        "booking_core.version has another default",
    ),
    "drop index ix_payment_event_booking_time": ("A-02_differing_indexes", "ix_payment_event_booking_time missing"),
    "drop index ux_ingest_event_idempotency_key;"
    " create index ux_ingest_event_idempotency_key on ingest_event_log (idempotency_key)": (
        "A-02_differing_indexes",
        "ux_ingest_event_idempotency_key missing or on other columns",
    ),
    "update pg_index set indisvalid = false where indexrelid = 'ix_booking_core_newest'::regclass": (
        "A-02_differing_indexes",
        "ix_booking_core_newest not valid",
    ),
    "alter table catalog_variant drop constraint catalog_variant_product_key_fkey": (
        "A-02_differing_constraints",
        "catalog_variant: a foreign key missing",
    ),
    "alter table catalog_product drop constraint catalog_product_slug_key": (
        "A-02_differing_constraints",
        "catalog_product",
    ),
    "alter table migration_exception drop constraint migration_exception_pkey": (
        "A-02_differing_constraints",
        "migration_exception: primary key",
    ),
    "alter table unmapped_queue drop constraint ck_unmapped_queue_status": (
        "A-02_differing_constraints",
        "unmapped_queue: ck_unmapped_queue_status missing",
    ),
    "alter table unmapped_queue drop constraint ck_unmapped_queue_status, add constraint ck_unmapped_queue_status"
    " check (status <> 'X')": ("A-02_differing_constraints", "ck_unmapped_queue_status says something else"),
    "alter table audit_log disable trigger audit_log_append_only": (
        "A-02_differing_constraints",
        "audit_log: trigger audit_log_append_only missing or off",
    ),
    "delete from migration_run_log where script_name like 'r0003%'": ("A-03_unlogged_migrations", "r0003_seeds.py"),
    "insert into migration_run_log select gen_random_uuid(), 'A', 'r0004_repair.py', '0', 'FAILED', now(), now(), null,"
    " null, 'x', clock_timestamp(), null": ("A-03_failed_migrations", "r0004_repair.py"),
}


async def looked_at(dsn: str) -> SchemaFigures:
    database = Database(dsn, pool_size=1)
    try:
        return await schema_figures(database)
    finally:
        await database.close()


async def test_a_migrated_database_is_as_it_must_be(postgres_dsn: str) -> None:
    figures = await looked_at(postgres_dsn)
    assert {check.verdict for check in schema_checks(figures)} == {Verdict.PASS}
    assert figures.target_tables == len(TARGET_TABLES) == 17
    assert figures.constraints > figures.indexes > 17


async def test_what_somebody_added_is_nobody_s_business(postgres_dsn: str) -> None:
    change(postgres_dsn, "create table mine (x int); create index mine_x on booking_core (note)")
    assert {check.verdict for check in schema_checks(await looked_at(postgres_dsn))} == {Verdict.PASS}


async def test_an_empty_database_has_nothing(empty_postgres_dsn: str) -> None:
    figures = await looked_at(empty_postgres_dsn)
    failed = {check.name for check in schema_checks(figures) if check.verdict is Verdict.FAIL}
    assert figures.target_tables == 0
    assert {name.split("_")[0] for name in failed} == {"A-01", "A-02", "A-03"}


def change(dsn: str, statements: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statements.encode())


@pytest.mark.parametrize("statements", CHANGES)
async def test_what_is_otherwise_is_seen_by_name(postgres_dsn: str, statements: str) -> None:
    change(postgres_dsn, statements)
    figures = await looked_at(postgres_dsn)
    check, name = CHANGES[statements]
    assert check in {each.name for each in schema_checks(figures) if each.verdict is Verdict.FAIL}
    listed = [
        *(*figures.columns_differing, *figures.indexes_differing, *figures.constraints_differing),
        *(*figures.migrations_unlogged, *figures.migrations_failed),
    ]
    assert any(name in each for each in listed), listed


async def test_a_failure_that_was_mended_by_running_again_is_none(postgres_dsn: str) -> None:
    change(
        postgres_dsn,
        "insert into migration_run_log select gen_random_uuid(), 'A', 'r0004_repair.py', '0', 'FAILED', now(), now(), null,"
        " null, 'x', now() - interval '1 day', null",
    )
    assert (await looked_at(postgres_dsn)).migrations_failed == []


WORDS = {
    "delete from channel_registry where channel_code = 'BOKUN'": ("B-01", "channel_registry: BOKUN is missing"),
    "update channel_registry set is_active = false where channel_code = 'GYG'": (
        "B-01",
        "channel_registry: GYG is switched off",
    ),
    "insert into channel_registry (channel_code, channel_name) values ('KLOOK', 'Klook')": (
        "B-01",
        "channel_registry: KLOOK is unknown",
    ),
    "delete from ref_ingest_status where status_code = 'DONE'": ("B-02", "ref_ingest_status: DONE is missing"),
    "insert into ref_package_ref_type values ('PKG', 'x')": ("B-02", "ref_package_ref_type: PKG is unknown"),
    "insert into catalog_product (product_key, slug, name) values (gen_random_uuid(), 'a', 'a'); insert into catalog_variant"
    " (variant_key, product_key, code, name, service_type, duration_days)"
    " select gen_random_uuid(), product_key, 'c', 'n', 'Privat', 1 from catalog_product": (
        "B-03",
        "catalog_variant.service_type=Privat (1 rows)",
    ),
}


@pytest.mark.parametrize("statements", ["", *WORDS])
async def test_words_that_are_missing_unknown_or_off_are_seen_by_name(postgres_dsn: str, statements: str) -> None:
    from bst_domain.migration import reference_checks

    if statements:
        change(postgres_dsn, statements)
    database = Database(postgres_dsn, pool_size=1)
    figures = await PostgresBatchFigures(database).reference()
    await database.close()
    failed = [each.name.split("_")[0] for each in reference_checks(figures) if each.verdict is not Verdict.PASS]
    names = [*figures.channels_wrong, *figures.codes_wrong, *figures.unknown_words]
    check, name = WORDS.get(statements, (None, None))
    assert (failed, names) == (([check], [name]) if check else ([], []))
