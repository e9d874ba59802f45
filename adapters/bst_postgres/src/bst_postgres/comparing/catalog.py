"""The catalog that is here against what the two legacy catalogs come to."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from attrs import frozen
from psycopg.rows import dict_row

from bst_domain.catalog import content_json, stored_content
from bst_domain.migration import CONTENT_PARTS, CatalogBridge, Difference, DifferenceKind, as_text
from bst_domain.values import unmapped_key
from bst_postgres.backfill.catalog import expected_catalog
from bst_postgres.backfill.references import BRIDGE
from bst_postgres.database import DriverConnection

_CENT = Decimal("0.01")


@frozen(kw_only=True)
class _Compared:
    """A table, and how its rows are told and named. ``moved``: the condition under which a row came from a legacy catalog."""

    entity: str
    key: str
    name: str
    rule: str
    moved: str

    def difference(
        self,
        kind: DifferenceKind,
        row: Mapping[str, Any],
        *,
        field: str = "row",
        expected: str | None = None,
        found: str | None = None,
        explained: str | None = None,
    ) -> Difference:
        """About this row, which is as it must be, or, where nothing must be, as it is."""
        ref = f" {row['external_ref']}" if "external_ref" in row else ""
        return Difference(
            kind=kind,
            entity=self.entity,
            key=str(row[self.key]),
            name=f"{row[self.name]}{ref}",
            field=field,
            expected=expected,
            found=found,
            rule=self.rule,
            explained=explained,
        )


_TABLES: Mapping[str, _Compared] = {
    "catalog_product": _Compared(
        entity="PRODUCT",
        key="product_key",
        name="name",
        rule="a valid TourProduct, as it stands in the shop (semantics 8)",
        moved="true",
    ),
    "catalog_variant": _Compared(
        entity="VARIANT",
        key="variant_key",
        name="name",
        rule="a TourVariant with a name, of a product that is mapped (semantics 8)",
        moved="true",
    ),
    "catalog_variant_rate": _Compared(
        entity="RATE",
        key="variant_rate_key",
        name="traveler_type",
        rule="a valid rate of a mapped variant, else the package's price as a fallback (semantics 8)",
        moved="true",
    ),
    "channel_external_refs": _Compared(
        entity="REFERENCE",
        key="external_ref_key",
        name="external_ref_kind",
        rule="legacy id, then slug, then name: exactly one candidate (semantics 8)",
        moved="entity_type in ('CATALOG_PRODUCT', 'CATALOG_VARIANT') and source_system in ('balisnap', 'bstadmin')",
    ),
}
_CONTENT = _Compared(
    entity="CONTENT",
    key="product_key",
    name="name",
    rule="texts and pictures as the shop has them, until somebody changes them here (semantics 8)",
    moved="true",
)
_CONTENTS = "select product_key::text, payload, updated_by, created_at, updated_at from catalog_product_content"
_AUDITED = "select distinct resource_id from audit_log where resource_id = any (%s)"
_QUEUE = """
select queue_key, status from unmapped_queue
where queue_type in ('PRODUCT_MAPPING', 'VARIANT_MAPPING', 'CATALOG_EXTENDED_METADATA')
  and source_system in ('balisnap', 'bstadmin')
"""


async def catalog_differences(
    connection: DriverConnection, bridge: CatalogBridge
) -> tuple[list[Difference], dict[str, tuple[int, int]]]:
    """Differences, and by entity how many there must be and how many there are."""
    expected = await expected_catalog(connection, bridge)
    found: list[Difference] = []
    counts: dict[str, tuple[int, int]] = {}
    for table, compared in _TABLES.items():
        rows = {str(row[compared.key]): row for row in expected[table]}
        stored = await _stored(connection, table, compared)
        counts[compared.entity] = (len(rows), len(stored))
        made_here = await _audited(connection, [key for key in stored if key not in rows])
        found += _table_differences(compared, rows, stored, made_here)
    told, there = await _content_differences(connection, expected["catalog_product_content"])
    counts["CONTENT"] = (sum(map(_tells, expected["catalog_product_content"])), there)
    found += told
    queue, there = await _queue_differences(connection, bridge)
    counts["QUEUE"] = (len(bridge.queued), there)
    return found + queue, counts


async def _content_differences(
    connection: DriverConnection, rows: Sequence[Mapping[str, Any]]
) -> tuple[list[Difference], int]:
    """Part by part; also how many of the products that the shop tells about have a document here."""
    stored = {key: row for key, *row in await (await connection.execute(_CONTENTS)).fetchall()}
    found: list[Difference] = []
    there = 0
    for row in rows:
        known = stored.get(str(row["product_key"]))
        if known is None:
            if _tells(row):
                found.append(_CONTENT.difference(DifferenceKind.MISSING_HERE, row, expected="there"))
            continue
        there += _tells(row)
        payload, by, created_at, updated_at = known
        here = content_json(stored_content(payload))
        changed = updated_at != created_at or by != BRIDGE
        said = f"changed here by {by} at {as_text(updated_at)}" if changed else None
        for part in CONTENT_PARTS:
            if here[part] != row[part]:
                must, is_here = (json.dumps(each[part], ensure_ascii=False) for each in (row, here))
                kind = DifferenceKind.FIELD_DIFFERS
                found.append(_CONTENT.difference(kind, row, field=part, expected=must, found=is_here, explained=said))
    return found, there


def _tells(row: Mapping[str, Any]) -> bool:
    """Whether the shop says anything of the product."""
    return any(row[part] for part in CONTENT_PARTS)


async def _stored(connection: DriverConnection, table: str, compared: _Compared) -> dict[str, dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(f"select * from {table} where {compared.moved}".encode())).fetchall()
    return {str(row[compared.key]): row for row in rows}


async def _audited(connection: DriverConnection, keys: Sequence[str]) -> frozenset[str]:
    """Those that somebody made or changed here, as the audit trail knows."""
    if not keys:
        return frozenset()
    return frozenset(key for (key,) in await (await connection.execute(_AUDITED, (list(keys),))).fetchall())


def _table_differences(
    compared: _Compared,
    rows: Mapping[str, Mapping[str, Any]],
    stored: Mapping[str, Mapping[str, Any]],
    made_here: frozenset[str],
) -> list[Difference]:
    found = []
    for key, row in rows.items():
        here = stored.get(key)
        if here is None:
            found.append(compared.difference(DifferenceKind.MISSING_HERE, row, expected="there"))
            continue
        changed = here["updated_at"] != here["created_at"]
        said = f"changed here at {as_text(here['updated_at'])}" if changed else None
        for column, value in row.items():
            must, is_here = _text(value), _text(here[column])
            if must != is_here:
                kind = DifferenceKind.FIELD_DIFFERS
                found.append(compared.difference(kind, row, field=column, expected=must, found=is_here, explained=said))
    for key in sorted(stored.keys() - rows.keys()):
        said = "made here, as the audit trail says" if key in made_here else None
        kind = DifferenceKind.UNEXPECTED_HERE
        found.append(compared.difference(kind, stored[key], found="there", explained=said))
    return found


def _text(value: Any) -> str | None:
    return as_text(value.quantize(_CENT) if isinstance(value, Decimal) else value)


async def _queue_differences(connection: DriverConnection, bridge: CatalogBridge) -> tuple[list[Difference], int]:
    there: dict[UUID, str] = dict(await (await connection.execute(_QUEUE)).fetchall())
    found = []
    for entry in bridge.queued:
        key = unmapped_key(
            queue_type=entry.type,
            source_system=entry.row.system,
            source_table=entry.row.table,
            source_pk=str(entry.row.row_id),
            reason=entry.reason,
        )
        if key not in there:
            found.append(
                Difference(
                    kind=DifferenceKind.MISSING_HERE,
                    entity="QUEUE",
                    key=str(key),
                    name=str(entry.row),
                    field=entry.type,
                    expected=entry.reason,
                    found=None,
                    rule="what nobody can map alone is queued (semantics 8)",
                )
            )
    return found, len(there)
