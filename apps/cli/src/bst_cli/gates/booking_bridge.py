"""D-01 to D-04: the bookings that batch D moved in are themselves, once, and whole."""

from bst_cli.gates.batch import batch_code, batch_member, limit, percent
from bst_cli.gates.carrying import Gate, Given, as_command
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import BatchStyle, Keys
from bst_cli.gates.surroundings import Surroundings
from bst_domain.migration import BookingFigures, booking_checks, default_limit
from bst_postgres.batch_figures import PostgresBatchFigures
from bst_postgres.reconciliation import PostgresReconciliationReader

PAX = "D-03_pax_mismatch_ratio_percent"
CURES = {
    "D-01_duplicate_booking_identity": "Two bookings differ in case or white space only: booking_fact says who wrote the second;"
    " merge by hand.",
    "D-02_null_critical_identity": "Bookings without channel or reference came past the door: find who wrote them.",
    PAX: "Items and header of these bookings count other travellers: bst migrate run --batch D again; what stays, somebody"
    " changed by hand.",
    f"{PAX}:HOLD": "There is no booking: bst migrate run --batch D.",
    "D-04_package_ref_type_completeness": "Bookings refer to a product or variant that is not there, or to nothing: run batch C"
    " and batch D again.",
}


async def booking_figures(around: Surroundings) -> BookingFigures:
    """Counts in the database."""
    async with around.database() as database:
        counts = await PostgresReconciliationReader(database).reconciliation_counts()
        return await PostgresBatchFigures(database).bookings(counts)


async def measure(around: Surroundings, given: Given) -> Judged:
    """D-01 to D-04."""
    most = limit(given, "max_pax_mismatch_ratio_percent")
    figures = await booking_figures(around)
    return Judged(
        config={
            "maxDuplicateRows": default_limit("D-01_duplicate_booking_identity"),
            "maxNullCriticalRows": default_limit("D-02_null_critical_identity"),
            "maxPaxMismatchRatioPercent": most,
            "maxPackageRefTypeNullRows": default_limit("D-04_package_ref_type_completeness"),
        },
        summary={
            "totalBookings": figures.bookings,
            "duplicateGroups": figures.duplicate_groups,
            "duplicateExcessRows": figures.duplicate_excess,
            "nullCriticalRows": figures.null_identities,
            "packageRefTypeNullRows": figures.package_type_null,
            "packageRefDanglingRows": figures.package_dangling,
            "paxMismatchRows": figures.pax_mismatches,
            "paxMismatchDenominator": figures.bookings,
            "paxMismatchRatioPercent": figures.pax_percent,
        },
        findings=judged_checks(booking_checks(figures, max_pax_percent=most), CURES),
        more=batch_member(given),
    )


GATE = Gate(
    name="booking-bridge",
    id="BOOKING_BRIDGE_BATCH_D",
    title="D-01 to D-04 Booking bridge",
    folder="gates/booking-bridge",
    help="D-01 to D-04: no booking is there twice or without a name, items and header agree, packages lead somewhere.",
    settings=[
        batch_code("D"),
        percent(
            "max-pax-mismatch-ratio-percent",
            "GATE_BOOKING_MAX_PAX_MISMATCH_RATIO_PERCENT",
            default_limit(PAX),
            "Of bookings.",
        ),
    ],
    measure=measure,
    keys=(Keys(result="BOOKING_BRIDGE_GATE_RESULT", json="BOOKING_BRIDGE_GATE_JSON", md="BOOKING_BRIDGE_GATE_MD"),),
    style=BatchStyle(batch="D"),
)
command = as_command(GATE)
