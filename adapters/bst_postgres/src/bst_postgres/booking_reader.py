"""Bookings for the API: keyset pages, what a name means, and one booking with everything around it.

The number of statements of a request depends on neither the page nor the bookings.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bst_application.ports.reading import BookingDetail, BookingFilter, BookingRow, Position
from bst_domain.booking import Reason
from bst_domain.values import BookingIdentity, BookingKey, ExternalRef, normalise_ref, parse_search
from bst_postgres import booking_surroundings as surroundings
from bst_postgres import tables as t
from bst_postgres.booking_pages import ORDER, WHOLE_ORDER, Keys, Values, page_keys, whole_list_keys
from bst_postgres.booking_rows import ONE, booking_row, rows_of
from bst_postgres.booking_search import chosen, search_keys
from bst_postgres.database import Database

core = t.booking_core


class PostgresBookingReader:
    """BookingReader on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: BookingFilter, *, after: Position | None, limit: int) -> list[BookingRow]:
        async with self._database.reading() as connection:
            if wanted == BookingFilter():
                return await _rows(connection, whole_list_keys(after=after, limit=limit), WHOLE_ORDER)
            if wanted.text is None:
                return await _rows(connection, page_keys(wanted, after=after, limit=limit))

            async def fetch(query: str, values: Values) -> Sequence[tuple[Any, ...]]:
                return await _fetched(connection, query, values)

            keys = await search_keys(fetch, parse_search(wanted.text), wanted, after=after, limit=limit)
            return await _rows(connection, chosen(keys)) if keys else []

    async def find(self, name: str) -> list[tuple[BookingKey, BookingIdentity]]:
        async with self._database.reading() as connection:
            for condition in _meanings(name):
                query = select(core.c.booking_key, core.c.channel_code, core.c.external_booking_ref).where(condition)
                found = (await connection.execute(query.order_by(core.c.channel_code).limit(20))).all()
                if found:
                    return [
                        (BookingKey(key), BookingIdentity(channel, ExternalRef(ref))) for key, channel, ref in found
                    ]
        return []

    async def detail(self, key: BookingKey) -> BookingDetail | None:
        async with self._database.reading() as connection:
            found = await _fetched(connection, ONE, {"key": key})
            if not found:
                return None
            *columns, fold = found[0]
            row = booking_row(columns)
            return BookingDetail(
                row=row,
                provenance=surroundings.provenance(fold),
                payments=await surroundings.payments(connection, key),
                assignments=await surroundings.assignments(connection, key),
                items=await surroundings.items(connection, key),
                finance=await surroundings.finance(connection, key),
                # Few bookings have any, and those say so.
                conflicts=await surroundings.conflicts(connection, key)
                if Reason.REVIEW_REQUIRED in row.reasons
                else [],
            )


async def _rows(connection: AsyncConnection, keys: Keys, order: str = ORDER) -> list[BookingRow]:
    query, values = keys
    return [booking_row(found) for found in await _fetched(connection, rows_of(query, order), values)]


async def _fetched(connection: AsyncConnection, query: str, values: Values) -> Sequence[tuple[Any, ...]]:
    """By the driver itself, and never prepared: a plan that is made once for all values would be wrong for some."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    return await (await raw.execute(query.encode(), values, prepare=False)).fetchall()


def _meanings(name: str) -> list[ColumnElement[bool]]:
    """What a name may mean, the most exact first."""
    meanings: list[ColumnElement[bool]] = []
    with suppress(ValueError):
        meanings.append(core.c.booking_key == UUID(name))
    if "\x00" in name:
        return meanings
    channel, colon, ref = name.partition(":")
    if colon:
        own = core.c.external_booking_ref == normalise_ref(ref)
        meanings.append(and_(core.c.channel_code == channel.strip().upper(), own))
    bare = normalise_ref(name)
    # Every channel is named, so that the index of both serves a bare reference, too.
    channels = select(t.channel_registry.c.channel_code)
    meanings.append(and_(core.c.channel_code.in_(channels), core.c.external_booking_ref == bare))
    # The predecessor's rows may have references in a spelling that is not the one of ours: what a list shows can be asked for.
    spelt = {name.strip(), name.strip().upper(), name.strip().lower()} - {bare}
    meanings.append(and_(core.c.channel_code.in_(channels), core.c.external_booking_ref.in_(sorted(spelt))))
    refs = t.channel_external_refs
    other = select(refs.c.entity_key).where(
        refs.c.entity_type == "BOOKING", refs.c.external_ref == bare, refs.c.mapping_status == "MAPPED"
    )
    meanings.append(core.c.booking_key.in_(other))
    return meanings
