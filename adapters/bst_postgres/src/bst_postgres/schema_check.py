"""Whether a database is as this version's migrations make it: what gate A looks at.

Tables, columns, indexes, unique and foreign keys are compared by Alembic, which made them; what it does not compare (primary
keys, check constraints, triggers, indexes that are not valid) is looked up. What somebody added is nobody's business.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Table, inspect, text

from bst_domain.migration import SchemaFigures
from bst_postgres.database import Database
from bst_postgres.migrate import BATCH_CODE, script_names
from bst_postgres.tables import metadata, migration_run_log

#: The tables that the target schema is known by; catalog_product_content and the ref_* tables are beside them.
TARGET_TABLES = (
    *("channel_registry", "channel_external_refs", "catalog_product", "catalog_variant", "catalog_variant_rate"),
    *("booking_core", "booking_contact", "booking_party", "booking_item_snapshot", "payment_event"),
    *("ops_booking_state", "ops_assignment", "ops_finance_bridge", "ingest_event_log", "ingest_dead_letter"),
    *("unmapped_queue", "migration_run_log"),
)
#: Table -> the trigger that keeps its rows as they are.
TRIGGERS = {
    "audit_log": "audit_log_append_only",
    "catalog_snapshot": "catalog_snapshot_is_frozen",
}
_COLUMN_KINDS = {"add_column", "modify_type", "modify_nullable", "modify_default"}
_INVALID = text("""
select class.relname from pg_index index join pg_class class on class.oid = index.indexrelid
join pg_namespace place on place.oid = class.relnamespace
where place.nspname = current_schema() and not (indisvalid and indisready and indislive)
""")
_CONSTRAINTS = text("""
select owner.relname as table, constr.conname as name, constr.contype::text as kind, constr.convalidated as valid,
  pg_get_constraintdef(constr.oid) as definition,
  array(select attname::text from unnest(constr.conkey) with ordinality as part (number, place)
    join pg_attribute on attrelid = constr.conrelid and attnum = part.number order by part.place) as columns
from pg_constraint constr join pg_class owner on owner.oid = constr.conrelid
join pg_namespace place on place.oid = owner.relnamespace where place.nspname = current_schema()
""")
_TRIGGERS = text("""
select owner.relname as table, tgname as name from pg_trigger join pg_class owner on owner.oid = tgrelid
join pg_namespace place on place.oid = owner.relnamespace
where place.nspname = current_schema() and not tgisinternal and tgenabled <> 'D'
""")
_LOG = text("""
select distinct on (script_name) script_name, run_status from migration_run_log where batch_code = :batch
order by script_name, created_at desc, run_key desc
""")


async def schema_figures(database: Database) -> SchemaFigures:
    """Raises Unavailable."""
    async with database.reading(brief=False) as connection:
        return await connection.run_sync(_figures)


def _figures(connection: Connection) -> SchemaFigures:
    differences = list(_flat(_compare(connection)))
    columns = sorted(_columns_differing(differences))
    spoiled = {name.partition(".")[0] for name in columns}
    scripts = script_names()
    logged = _logged(connection)
    return SchemaFigures(
        target_tables=sum(name not in spoiled for name in TARGET_TABLES),
        columns=sum(len(table.columns) for table in metadata.tables.values()),
        columns_differing=columns,
        indexes=sum(len(table.indexes) for table in metadata.tables.values()),
        indexes_differing=sorted(_indexes_differing(connection, differences)),
        constraints=sum(len(table.constraints) for table in metadata.tables.values()) + len(TRIGGERS),
        constraints_differing=sorted(_constraints_differing(connection, differences)),
        migrations=len(scripts),
        migrations_unlogged=[name for name in scripts if name not in logged],
        migrations_failed=sorted(name for name, status in logged.items() if status != "SUCCEEDED"),
    )


def _compare(connection: Connection) -> Sequence[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def _flat(differences: Iterable[Any]) -> Iterable[Any]:
    """Alembic lists what is to be modified about one column as a list."""
    for each in differences:
        if isinstance(each, list):
            yield from each
        else:
            yield each


def _columns_differing(differences: Iterable[Any]) -> Iterable[str]:
    for kind, *rest in differences:
        if kind == "add_table":
            yield from (f"{rest[0].name}.{column.name} missing" for column in rest[0].columns)
        elif kind in _COLUMN_KINDS:
            _, table, column = rest[:3]
            yield (
                f"{table}.{column.name} missing"
                if kind == "add_column"
                else f"{table}.{column} {_otherwise(kind, rest)}"
            )


def _otherwise(kind: str, rest: Sequence[Any]) -> str:
    is_, must = rest[-2:]
    match kind:
        case "modify_nullable":
            return "may be null" if is_ else "must not be null"
        case "modify_default":
            return "has another default"
        case _:
            return f"is {is_} instead of {must}"


def _indexes_differing(connection: Connection, differences: Iterable[Any]) -> Iterable[str]:
    for kind, *rest in differences:
        if kind == "add_index":
            yield f"{rest[0].name} missing or on other columns"
        elif kind == "add_table":
            yield from (f"{index.name} missing" for index in rest[0].indexes)
    ours = {index.name for table in metadata.tables.values() for index in table.indexes}
    yield from (f"{name} not valid" for name in connection.scalars(_INVALID) if name in ours)


def _constraints_differing(connection: Connection, differences: Iterable[Any]) -> Iterable[str]:
    for kind, *rest in differences:
        if kind in {"add_constraint", "add_fk"}:
            yield f"{rest[0].table.name}: {rest[0].name or 'a foreign key'} missing"
    found = {(row.table, row.name): row for row in connection.execute(_CONSTRAINTS)}
    yield from (f"{table}: {name} not validated" for (table, name), row in found.items() if not row.valid)
    keys = {table: list(row.columns) for (table, _), row in found.items() if row.kind == "p"}
    for table in metadata.tables.values():
        wanted = [column.name for column in table.primary_key.columns]
        if keys.get(table.name) != wanted:
            yield f"{table.name}: primary key is not ({', '.join(wanted)})"
        yield from _checks_differing(table, found)
    triggers = {(row.table, row.name) for row in connection.execute(_TRIGGERS)}
    yield from (
        f"{table}: trigger {name} missing or off" for table, name in TRIGGERS.items() if (table, name) not in triggers
    )


def _checks_differing(table: Table, found: Any) -> Iterable[str]:
    """PostgreSQL writes a condition in its own way; the words in it stay the same."""
    for constraint in table.constraints:
        if not isinstance(constraint, CheckConstraint):
            continue
        there = found.get((table.name, constraint.name))
        if there is None:
            yield f"{table.name}: {constraint.name} missing"
        elif _words(there.definition) != _words(str(constraint.sqltext)):
            yield f"{table.name}: {constraint.name} says something else"


def _words(condition: str) -> set[str]:
    return set(re.findall(r"'([^']*)'", condition))


def _logged(connection: Connection) -> dict[str, str]:
    if not inspect(connection).has_table(migration_run_log.name):
        return {}
    return {row.script_name: row.run_status for row in connection.execute(_LOG, {"batch": BATCH_CODE})}
