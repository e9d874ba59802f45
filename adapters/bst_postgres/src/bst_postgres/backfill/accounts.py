"""What became of legacy rows: moved in, listed by name with a reason, or lost. Asked in groups, as the rows are streamed.

Nothing is worked out anew here: a row counts as moved where the database shows it, whatever the rules would make of it today. A
reference to nothing shows nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from attrs import frozen

from bst_application.ports.legacy import FinanceName, LegacyName
from bst_domain.gates import ShopPayment, StoredPayment
from bst_domain.migration import BOOKING_TABLE, PACKAGE_TABLE, LegacyCatalog, LegacySystem, SourceRow
from bst_domain.values import BookingIdentity, ExternalRef, finance_key, shop_payment_key, shop_rate_key
from bst_postgres.backfill.catalog import CHANNEL
from bst_postgres.backfill.rows import ID_KIND
from bst_postgres.database import Database, DriverConnection, as_json

_CATALOG = """
select given.place, exists (select from channel_external_refs named
    where named.channel_code = given.channel and named.external_ref_kind = given.kind and named.external_ref = given.pk
      and case named.entity_type
        when 'CATALOG_PRODUCT' then exists (select from catalog_product product where product.product_key = named.entity_key)
        when 'CATALOG_VARIANT' then exists (select from catalog_variant variant where variant.variant_key = named.entity_key)
        else false end)
    or exists (select from catalog_variant_rate rate where rate.variant_rate_key = given.rate),
  exists (select from unmapped_queue entry where entry.source_system = given.system and entry.source_table = given."table"
    and entry.source_pk = given.pk)
from json_to_recordset(%s::json) as given (place int, system text, "table" text, pk text, kind text, channel text, rate uuid)
"""
_BOOKINGS = """
select given.place, exists (select from channel_external_refs named
    join booking_core core on core.booking_key = named.entity_key where named.entity_type = 'BOOKING'
    and named.channel_code = given.channel and named.external_ref_kind = given.kind and named.external_ref = given.pk),
  exists (select from migration_exception listed where listed.batch_code = 'D' and listed.exception = 'REJECTED_ROW'
    and listed.source_system = given.system and listed.source_table = given."table" and listed.source_pk = given.pk)
from json_to_recordset(%s::json) as given (place int, system text, "table" text, pk text, kind text, channel text)
"""
# Of several rows of one booking the best one's finance is taken; the others' are in what it decided.
_FINANCES = """
select given.place, exists (select from ops_finance_bridge bridge where bridge.finance_bridge_key = given.finance)
    or exists (select from channel_external_refs named join ops_finance_bridge bridge on bridge.booking_key = named.entity_key
      where named.entity_type = 'BOOKING' and named.external_ref_kind = 'BSTADMIN_BOOKING_ID'
        and named.external_ref = given.pk),
  exists (select from migration_exception listed where listed.batch_code = 'D' and listed.exception = 'REJECTED_ROW'
    and listed.source_system = 'bstadmin' and listed.source_table = 'bookings' and listed.source_pk = given.pk)
from json_to_recordset(%s::json) as given (place int, finance uuid, pk text)
"""
_STORED = """
select paid.payment_key, core.channel_code, core.external_booking_ref, paid.payment_time, paid.amount, paid.currency_code,
  paid.payment_ref, paid.gateway_capture_id, paid.gateway_order_id, paid.booking_key
from payment_event paid join booking_core core on core.booking_key = paid.booking_key
"""
# What a live event reports of a payment stands at its booking under one of these names, in place of the shop's row.
_BY_NAME = """
select payment_key from payment_event where booking_key = any (%s::uuid[])
union select paid.payment_key from payment_event paid join booking_core core on core.booking_key = paid.booking_key
  where core.channel_code = 'DIRECT' and core.external_booking_ref = any (%s::text[])
union select payment_key from payment_event where payment_ref = any (%s::text[])
"""
# By the shop's id, which an index has; by our key, which none has: that is one look at the whole table.
_SHOP_BOOKINGS = """
select entity_key, external_ref from channel_external_refs where entity_type = 'BOOKING' and channel_code = 'DIRECT'
  and external_ref_kind = 'BALISNAP_BOOKING_ID' and external_ref = any (%s::text[])
"""
_IDS_OF_BOOKINGS = """
select entity_key, external_ref from channel_external_refs where entity_type = 'BOOKING' and channel_code = 'DIRECT'
  and external_ref_kind = 'BALISNAP_BOOKING_ID' and entity_key = any (%s::uuid[])
"""
_LISTED = """
select source_pk from unmapped_queue where queue_type = 'PAYMENT_LINKAGE' and source_system = 'balisnap'
  and source_table = 'Payment' and source_pk = any (%(pks)s::text[])
union select source_pk from migration_exception where batch_code = any (array['D', 'E']) and exception = 'REJECTED_ROW'
  and source_system = 'balisnap' and source_table = 'Payment' and source_pk = any (%(pks)s::text[])
"""
_NEWEST_DIRECT = f"""
{_STORED} where core.channel_code = 'DIRECT' order by paid.payment_time desc, paid.payment_key desc limit %s
"""
_DIRECT = """
select count(*) from payment_event paid join booking_core core on core.booking_key = paid.booking_key
where core.channel_code = 'DIRECT' and (%s::timestamptz is null or paid.payment_time >= %s::timestamptz)
"""


@frozen
class Fate:
    """Of one row: whether it is here, and whether it is listed for a person."""

    moved: bool
    listed: bool


class Accounts:
    """Reads only. Raises Unavailable, and SchemaBehind where a table is missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def catalog(self, catalog: LegacyCatalog) -> Mapping[SourceRow, Fate]:
        """Of every row of both catalogs. A package of the shop that nobody mapped is left for its bookings to name: listed."""
        rows = [
            *(SourceRow(LegacySystem.SHOP, "TourProduct", row.product_id) for row in catalog.products),
            *(SourceRow(LegacySystem.SHOP, "TourVariant", row.variant_id) for row in catalog.variants),
            *(SourceRow(LegacySystem.SHOP, "VariantRatePlan", row.rate_id) for row in catalog.rates),
            *(SourceRow(row.system, PACKAGE_TABLE[row.system], row.package_id) for row in catalog.packages),
        ]
        given = [
            {
                **_place(row),
                "kind": _KINDS.get((row.system, row.table)),
                "channel": CHANNEL[row.system],
                "rate": _rate(row),
            }
            for row in rows
        ]
        fates = await self._fates(_CATALOG, given)
        named = PACKAGE_TABLE[LegacySystem.SHOP]
        return {row: Fate(fate.moved, fate.listed or row.table == named) for row, fate in zip(rows, fates, strict=True)}

    async def bookings(self, names: Sequence[LegacyName]) -> Sequence[Fate]:
        """In the order of the names."""
        given = [
            {
                **_place(SourceRow(name.system, BOOKING_TABLE[name.system], name.row_id)),
                "kind": ID_KIND[name.system],
                "channel": name.channel,
            }
            for name in names
        ]
        return await self._fates(_BOOKINGS, given)

    async def finances(self, names: Sequence[FinanceName]) -> Sequence[Fate]:
        """In the order of the names."""
        given = [{"finance": finance_key(name.finance_id), "pk": str(name.booking_id)} for name in names]
        return await self._fates(_FINANCES, given)

    async def payments(self, rows: Sequence[ShopPayment]) -> tuple[Mapping[int, Sequence[StoredPayment]], set[int]]:
        """Payments here that may be each of these rows, by the shop's id: its own, else all with a name or the booking of it.

        And the ids of the rows that wait in the unmapped queue, or are listed as rejected.
        """
        async with self._database.transaction(brief=False) as connection:
            keys = {shop_payment_key(row.payment_id): row.payment_id for row in rows}
            ids = await _shop_ids(connection, _SHOP_BOOKINGS, _ids(rows))
            own = await _stored(connection, keys, ids)
            found = {keys[payment.key]: [payment] for payment in own}
            others = [row for row in rows if row.payment_id not in found]
            pks = [str(row.payment_id) for row in others]
            listed = await (await connection.execute(_LISTED, {"pks": pks})).fetchall()
            if others:
                alike = await _alike(connection, others, await _shop_ids(connection, _SHOP_BOOKINGS, _ids(others)))
                found |= {row.payment_id: alike for row in others}
        return found, {int(pk) for (pk,) in listed}

    async def newest_direct(self, most: int) -> Sequence[StoredPayment]:
        """DIRECT payments, the newest first."""
        async with self._database.transaction(brief=False) as connection:
            rows = await (await connection.execute(_NEWEST_DIRECT.encode(), (most,))).fetchall()
            ids = await _shop_ids(connection, _IDS_OF_BOOKINGS, {str(row[-1]) for row in rows})
        return [_payment(row, ids) for row in rows]

    async def direct_payments(self, since: Any = None) -> int:
        """How many DIRECT payments there are that are not older."""
        async with self._database.transaction(brief=False) as connection:
            row = await (await connection.execute(_DIRECT, (since, since))).fetchone()
        assert row is not None
        return int(row[0])

    async def _fates(self, query: str, given: Sequence[Mapping[str, Any]]) -> list[Fate]:
        numbered = [{"place": place, **row} for place, row in enumerate(given)]
        async with self._database.transaction(brief=False) as connection:
            rows = await (await connection.execute(query.encode(), (as_json(numbered),))).fetchall()
        return [Fate(moved, listed) for _, moved, listed in sorted(rows)]


_KINDS = {
    (LegacySystem.SHOP, "TourProduct"): "BALISNAP_PRODUCT_ID",
    (LegacySystem.SHOP, "TourVariant"): "BALISNAP_VARIANT_ID",
    (LegacySystem.SHOP, "TourPackage"): "BALISNAP_PACKAGE_ID",
    (LegacySystem.ADMIN, "tour_packages"): "BSTADMIN_PACKAGE_ID",
}


def _place(row: SourceRow) -> dict[str, Any]:
    return {"system": row.system.value, "table": row.table, "pk": str(row.row_id)}


def _rate(row: SourceRow) -> UUID | None:
    return shop_rate_key(row.row_id) if row.table == "VariantRatePlan" else None


def _ids(rows: Iterable[ShopPayment]) -> set[str]:
    return {str(row.booking_id) for row in rows}


_Ids = Mapping[UUID, frozenset[int]]


async def _shop_ids(connection: DriverConnection, query: str, wanted: Iterable[str]) -> _Ids:
    """Our bookings' keys with the shop's ids."""
    found: dict[UUID, frozenset[int]] = {}
    for key, ref in await (await connection.execute(query.encode(), (sorted(wanted),))).fetchall():
        found[key] = found.get(key, frozenset()) | {int(ref)}
    return found


async def _stored(connection: DriverConnection, keys: Iterable[UUID], ids: _Ids) -> list[StoredPayment]:
    query = f"{_STORED} where paid.payment_key = any (%s)"
    rows = await (await connection.execute(query.encode(), (list(keys),))).fetchall()
    return [_payment(row, ids) for row in rows]


async def _alike(connection: DriverConnection, rows: Sequence[ShopPayment], ids: _Ids) -> list[StoredPayment]:
    """Whatever stands at these rows' bookings, or has one of their references."""
    refs = [row.payment_ref.strip() for row in rows if row.payment_ref]
    names = sorted({name for row in rows for name in row.booking_names})
    keys = await (await connection.execute(_BY_NAME, (list(ids), names, refs))).fetchall()
    return await _stored(connection, (key for (key,) in keys), ids)


def _payment(row: Sequence[Any], ids: _Ids) -> StoredPayment:
    key, channel, ref, paid_at, amount, currency, payment_ref, capture_id, order_id, booking = row
    return StoredPayment(
        key=key,
        booking=BookingIdentity(channel, ExternalRef(ref)),
        shop_ids=ids.get(booking, frozenset()),
        paid_at=paid_at,
        amount=amount,
        currency=currency,
        payment_ref=payment_ref,
        capture_id=capture_id,
        order_id=order_id,
    )
