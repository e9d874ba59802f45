"""F-04: what was delivered twice is there once, and the database would not take it twice."""

from bst_cli.gates.carrying import Gate, Given, as_command, at_least, setting
from bst_cli.gates.findings import Finding, Judged, found, judged_checks
from bst_cli.gates.surroundings import Surroundings
from bst_domain.gates import DuplicateFigures, DuplicateLimits, duplicate_checks
from bst_postgres.reconciliation import PostgresReconciliationReader

_ROWS = "Whoever wrote them went past the door. Decide which row is right, and remove the other one by hand."
CURES = {
    "F-04_idempotency_excess_rows": _ROWS,
    "F-04_secondary_excess_rows": _ROWS,
    "F-04_booking_identity_excess_rows": "Two bookings differ in case or white space only: find out who wrote the second"
    " (booking_fact says the source), and merge by hand.",
    "F-04_broken_unique_indexes": "Build them again: docs/schema.md has their columns; remove duplicates first.",
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Counts in the database."""
    limits = DuplicateLimits(max_excess_rows=given["max_excess_rows"], require_indexes=given["require_indexes"])
    async with around.database() as database:
        figures = await PostgresReconciliationReader(database).duplicates()
    summary = {
        "idempotencyDuplicateExcessRows": figures.idempotency_excess,
        "secondaryDuplicateExcessRows": figures.secondary_excess,
        "bookingIdentityDuplicateExcessRows": figures.booking_excess,
        "totalEvents": figures.events,
        "totalBookings": figures.bookings,
        "uniqueIndexes": {name: problem or "holds" for name, problem in figures.guards.items()},
    }
    named = _guards(figures) if limits.require_indexes else []
    return Judged(
        config={"maxExcessRows": limits.max_excess_rows, "requireIndexes": limits.require_indexes},
        summary=summary,
        findings=[*judged_checks(duplicate_checks(figures, limits), CURES), *named],
        lines={
            "DUPLICATE_IDEMPOTENCY_EXCESS_ROWS": figures.idempotency_excess,
            "DUPLICATE_SECONDARY_EXCESS_ROWS": figures.secondary_excess,
            "DUPLICATE_BOOKING_IDENTITY_EXCESS_ROWS": figures.booking_excess,
        },
    )


def _guards(figures: DuplicateFigures) -> list[Finding]:
    """The broken ones by name; that the others hold is said by their number."""
    return [
        found(name, False, measured=problem, wanted="unique and valid", cure=CURES["F-04_broken_unique_indexes"])
        for name, problem in figures.guards.items()
        if problem is not None
    ]


GATE = Gate(
    name="ingest-duplicate-delivery",
    id="F-04_DUPLICATE_DELIVERY",
    title="F-04 Duplicate delivery",
    folder="gates/ingest-duplicate-delivery",
    help="F-04: nothing is there twice, and nothing can be.",
    settings=[
        setting(
            "max-excess-rows", "GATE_DUPLICATE_MAX_EXCESS_ROWS", at_least(0), 0, "Rows beyond the first of their kind."
        ),
        setting(
            "require-indexes", "GATE_DUPLICATE_REQUIRE_INDEXES", bool, True, "Whether the unique indexes must hold."
        ),
    ],
    measure=measure,
)
command = as_command(GATE)
