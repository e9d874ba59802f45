"""A-01 to A-03: the schema is as this version's migrations make it, and the log of them is complete.

A-01: each of the 17 target tables has every column with its type, and so has every table beside them. A-02: indexes, primary and
foreign keys, check constraints and the triggers that keep records as they are. A-03: each revision is in migration_run_log, and
the newest row of none is a failure (a failure that was mended by running again is none).
"""

from bst_cli.gates.batch import batch_code, batch_member, first
from bst_cli.gates.carrying import Gate, Given, as_command
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import BatchStyle, Keys
from bst_cli.gates.surroundings import Surroundings
from bst_domain.migration import THRESHOLDS, schema_checks
from bst_postgres.schema_check import TARGET_TABLES, schema_figures

_AGAIN = (
    "Run bst migrate run --batch A. If nothing is pending, somebody changed the schema by hand: the report names what."
)
CURES = {
    "A-01_target_tables": _AGAIN,
    "A-01_differing_columns": _AGAIN,
    "A-02_differing_indexes": "The report names them: drop and build each as docs/schema.md has it.",
    "A-02_differing_constraints": "The report names them: add each as docs/schema.md has it, and VALIDATE CONSTRAINT.",
    "A-03_unlogged_migrations": "Run bst migrate run --batch A.",
    "A-03_failed_migrations": "migration_run_log.error_message says why; mend it and run bst migrate run --batch A.",
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Compares in the database."""
    async with around.database() as database:
        figures = await schema_figures(database)
    return Judged(
        config={"targetTables": THRESHOLDS["A-01_target_tables"].limit},
        summary={
            "targetTables": figures.target_tables,
            "targetTablesExpected": len(TARGET_TABLES),
            "columns": figures.columns,
            "columnsDiffering": first(figures.columns_differing),
            "indexes": figures.indexes,
            "indexesDiffering": first(figures.indexes_differing),
            "constraints": figures.constraints,
            "constraintsDiffering": first(figures.constraints_differing),
            "migrations": figures.migrations,
            "migrationsUnlogged": list(figures.migrations_unlogged),
            "migrationsFailed": list(figures.migrations_failed),
        },
        findings=judged_checks(schema_checks(figures), CURES),
        more=batch_member(given),
    )


GATE = Gate(
    name="schema",
    id="SCHEMA_BATCH_A",
    title="A-01 to A-03 Schema",
    folder="gates/schema",
    help="A-01 to A-03: tables, indexes and constraints are as they must be, and the log of migrations is complete.",
    settings=[batch_code("A")],
    measure=measure,
    keys=(Keys(result="SCHEMA_GATE_RESULT", json="SCHEMA_GATE_JSON", md="SCHEMA_GATE_MD"),),
    style=BatchStyle(batch="A"),
)
command = as_command(GATE)
