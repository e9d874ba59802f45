"""C-01 to C-03: the catalog that batch C moved in hangs together, is mapped, and has prices."""

from bst_cli.gates.batch import batch_code, batch_member, limit, percent
from bst_cli.gates.carrying import Gate, Given, as_command
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import BatchStyle, Keys
from bst_cli.gates.surroundings import Surroundings
from bst_domain.migration import THRESHOLDS, catalog_checks, default_limit
from bst_postgres.batch_figures import PostgresBatchFigures

ORPHANS, UNMAPPED = "C-01_orphan_ratio_percent", "C-02_unmapped_ratio_percent"
COVERAGE = "C-03_variant_active_rate_coverage"
_EMPTY = "There is no catalog: bst migrate run --batch C."
CURES = {
    ORPHANS: "Products without a variant want one, or are to be switched off in the sources; references that lead nowhere are"
    " to be removed.",
    UNMAPPED: "Work off the unmapped queue (GET /v1/channel-mappings/unmapped), then measure again.",
    COVERAGE: "Give each of these variants an active rate: unmapped_queue has them with reason NO_RATE_AVAILABLE.",
    **{f"{name}:HOLD": _EMPTY for name in (ORPHANS, UNMAPPED, COVERAGE)},
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Counts in the database."""
    most_orphans, most_unmapped = limit(given, "max_orphan_ratio_percent"), limit(given, "max_unmapped_ratio_percent")
    async with around.database() as database:
        figures = await PostgresBatchFigures(database).catalog()
    checks = catalog_checks(figures, max_orphan_percent=most_orphans, max_unmapped_percent=most_unmapped)
    return Judged(
        config={
            "maxOrphanRatioPercent": most_orphans,
            "maxUnmappedRatioPercent": most_unmapped,
            "minVariantCoveragePercent": THRESHOLDS[COVERAGE].limit,
        },
        summary={
            "totalProducts": figures.products,
            "totalVariants": figures.variants,
            "denominator": figures.entities,
            "productOrphanRows": figures.product_orphans,
            "variantOrphanRows": figures.variant_orphans,
            "danglingReferenceRows": figures.dangling_references,
            "orphanRows": figures.orphans,
            "orphanRatioPercent": figures.orphan_percent,
            "unmappedRows": figures.unmapped,
            "unmappedRatioPercent": figures.unmapped_percent,
            "variantsWithRate": figures.variants_with_rate,
            "variantCoveragePercent": figures.coverage_percent,
        },
        findings=judged_checks(checks, CURES),
        more=batch_member(given),
    )


GATE = Gate(
    name="catalog-bridge",
    id="CATALOG_BRIDGE_BATCH_C",
    title="C-01 to C-03 Catalog bridge",
    folder="gates/catalog-bridge",
    help="C-01 to C-03: nothing of the catalog hangs loose, little is unmapped, every variant has a price.",
    settings=[
        batch_code("C"),
        percent(
            "max-orphan-ratio-percent",
            "GATE_CATALOG_MAX_ORPHAN_RATIO_PERCENT",
            default_limit(ORPHANS),
            "Of the catalog.",
        ),
        percent(
            "max-unmapped-ratio-percent",
            "GATE_CATALOG_MAX_UNMAPPED_RATIO_PERCENT",
            default_limit(UNMAPPED),
            "Of the catalog.",
        ),
    ],
    measure=measure,
    keys=(Keys(result="CATALOG_BRIDGE_GATE_RESULT", json="CATALOG_BRIDGE_GATE_JSON", md="CATALOG_BRIDGE_GATE_MD"),),
    style=BatchStyle(batch="C"),
)
command = as_command(GATE)
