"""G-01: no booking is there twice, whatever it is called. As D-01, and beyond one name."""

from bst_cli.gates.batch import batch_code, batch_member
from bst_cli.gates.booking_bridge import CURES as OF_BOOKINGS
from bst_cli.gates.booking_bridge import booking_figures
from bst_cli.gates.carrying import Gate, Given, as_command
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import BatchStyle, Keys
from bst_cli.gates.surroundings import Surroundings
from bst_domain.migration import default_limit, duplicate_booking_checks

IDENTITY, NAMES = "G-01_duplicate_booking_identity", "G-01_bookings_under_two_names"
CURES = {
    IDENTITY: OF_BOOKINGS["D-01_duplicate_booking_identity"],
    NAMES: "A booking's own name is another one's other name (channel_external_refs, BOOKING_REF): one order is there twice;"
    " decide which booking is right, and merge by hand.",
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Counts in the database."""
    figures = await booking_figures(around)
    return Judged(
        config={"maxDuplicateRows": default_limit(IDENTITY), "maxRowsUnderTwoNames": default_limit(NAMES)},
        summary={
            "totalBookings": figures.bookings,
            "duplicateGroups": figures.duplicate_groups,
            "duplicateExcessRows": figures.duplicate_excess,
            "twoNamesRows": figures.two_names,
        },
        findings=judged_checks(duplicate_booking_checks(figures), CURES),
        more=batch_member(given),
    )


GATE = Gate(
    name="duplicates",
    id="G-01_DUPLICATE_BOOKINGS",
    title="G-01 Duplicate bookings",
    folder="gates/duplicates",
    help="G-01: no booking is there twice, under one name or under two.",
    settings=[batch_code("D")],
    measure=measure,
    keys=(Keys(result="DUPLICATES_GATE_RESULT", json="DUPLICATES_GATE_JSON", md="DUPLICATES_GATE_MD"),),
    style=BatchStyle(batch="D"),
)
command = as_command(GATE)
