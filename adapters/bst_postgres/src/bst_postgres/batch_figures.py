"""Counts of what batches B to E have written, for their gates: one statement a batch, and so one snapshot."""

from collections.abc import Collection, Mapping

from sqlalchemy import text

from bst_domain.booking import SettlementStatus
from bst_domain.migration import BookingFigures, CatalogFigures, ReconciliationCounts, ReferenceFigures
from bst_domain.values import FulfilmentStatus, PaymentStatus, TravellerType
from bst_postgres.backfill.reference import REFERENCE
from bst_postgres.database import Database

#: Predecessor 2.6: words that no constraint checks. A service type has no decision behind it, so it is a fact alone.
SERVICE_TYPES = frozenset({"PRIVATE", "SHARED", "CUSTOM"})
WORDED: Mapping[tuple[str, str], Collection[str]] = {
    ("booking_core", "customer_payment_status"): frozenset(PaymentStatus),
    ("booking_core", "ops_fulfillment_status"): frozenset(FulfilmentStatus),
    ("ops_booking_state", "ops_fulfillment_status"): frozenset(FulfilmentStatus),
    ("ops_finance_bridge", "settlement_status"): frozenset(SettlementStatus),
    ("catalog_variant", "service_type"): SERVICE_TYPES,
    ("catalog_variant_rate", "traveler_type"): frozenset(TravellerType),
    ("migration_run_log", "run_status"): frozenset({"STARTED", "SUCCEEDED", "FAILED"}),
}
_CHANNELS = ("channel_registry", "channel_code", "channel_name")

_CATALOG = text("""
select (select count(*) from catalog_product) as products, (select count(*) from catalog_variant) as variants,
  (select count(*) from catalog_product product where not exists
    (select from catalog_variant variant where variant.product_key = product.product_key)) as product_orphans,
  (select count(*) from catalog_variant variant where not exists
    (select from catalog_product product where product.product_key = variant.product_key)) as variant_orphans,
  (select count(*) from channel_external_refs named where
    (entity_type = 'CATALOG_PRODUCT' and not exists
      (select from catalog_product product where product.product_key = named.entity_key))
    or (entity_type = 'CATALOG_VARIANT' and not exists
      (select from catalog_variant variant where variant.variant_key = named.entity_key))) as dangling_references,
  (select count(*) from unmapped_queue where status = 'OPEN'
    and queue_type in ('PRODUCT_MAPPING', 'VARIANT_MAPPING', 'CATALOG_EXTENDED_METADATA')) as unmapped,
  (select count(*) from catalog_variant variant where exists (select from catalog_variant_rate rate
    where rate.variant_key = variant.variant_key and rate.is_active)) as variants_with_rate
""")
# What nobody has said of a booking that came by live events counts as none; it has no item either.
_BOOKINGS = text("""
with items as materialized (select booking_key, sum(adult_qty + child_qty) as pax from booking_item_snapshot group by 1)
select count(*) filter (where coalesce(number_of_adult, 0) + coalesce(number_of_child, 0) <> coalesce(items.pax, 0))
    as pax_mismatches,
  count(*) filter (where package_ref_type is null or btrim(package_ref_type) = '') as package_type_null,
  count(*) filter (where case package_ref_type
    when 'CATALOG_PRODUCT' then not exists (select from catalog_product product where product.product_key = package_ref_key)
    when 'CATALOG_VARIANT' then not exists (select from catalog_variant variant where variant.variant_key = package_ref_key)
    else package_ref_key is not null end) as package_dangling,
  (select count(*) from channel_external_refs named join booking_core other on other.channel_code = named.channel_code
      and other.external_booking_ref = named.external_ref and other.booking_key <> named.entity_key
    where named.entity_type = 'BOOKING' and named.external_ref_kind = 'BOOKING_REF') as two_names
from booking_core core left join items on items.booking_key = core.booking_key
""")
_ROOM = text("set local work_mem = '64MB'")


class PostgresBatchFigures:
    """Each call is one snapshot. Raises Unavailable, and SchemaBehind where a table is missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reference(self) -> ReferenceFigures:
        """The vocabularies against those that batch B writes, and rows against the domain's words."""
        wrong: dict[str, list[str]] = {"channels": [], "codes": []}
        sizes = {"channels": 0, "codes": 0}
        async with self._database.reading(brief=False) as connection:
            for (table, code, label), words in REFERENCE.items():
                of = "channels" if (table, code, label) == _CHANNELS else "codes"
                active = "is_active" if of == "channels" else "true"
                found = {
                    row[0]: row[1] for row in await connection.execute(text(f"select {code}, {active} from {table}"))
                }
                sizes[of] += len(words)
                wrong[of] += [f"{table}: {name} is missing" for name in words.keys() - found.keys()]
                wrong[of] += [f"{table}: {name} is unknown" for name in found.keys() - words.keys()]
                wrong[of] += [
                    f"{table}: {name} is switched off" for name, on in found.items() if name in words and not on
                ]
            rows, unknown = 0, []
            for (table, column), known in WORDED.items():
                query = text(f"select {column}, count(*) from {table} where {column} is not null group by 1")
                for word, many in await connection.execute(query):
                    rows += many
                    if word not in known:
                        unknown.append((f"{table}.{column}={word}", many))
        return ReferenceFigures(
            channels=sizes["channels"],
            channels_wrong=sorted(wrong["channels"]),
            codes=sizes["codes"],
            codes_wrong=sorted(wrong["codes"]),
            worded_rows=rows,
            unknown_words=sorted(f"{place} ({many} rows)" for place, many in unknown),
            unknown_word_rows=sum(many for _, many in unknown),
        )

    async def catalog(self) -> CatalogFigures:
        """C-01 to C-03."""
        async with self._database.reading(brief=False) as connection:
            return CatalogFigures(**(await connection.execute(_CATALOG)).one()._mapping)

    async def bookings(self, counts: ReconciliationCounts) -> BookingFigures:
        """D-01 to D-04 and G-01; identities are those that reconciliation has counted."""
        async with self._database.reading(brief=False) as connection:
            await connection.execute(_ROOM)
            row = (await connection.execute(_BOOKINGS)).one()
        return BookingFigures(
            bookings=counts.bookings,
            duplicate_groups=counts.twin_booking_groups,
            duplicate_excess=counts.twin_booking_excess,
            null_identities=counts.null_identities,
            **row._mapping,
        )
