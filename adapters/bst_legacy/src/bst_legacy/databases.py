"""LegacyDatabases over two URLs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from attrs import frozen

from bst_domain.migration import LegacySystem
from bst_legacy.connections import fetch, opened
from bst_legacy.needed import NEEDED
from bst_legacy.snapshot import Snapshot

_SERVER = """
select current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), current_setting('TimeZone'),
  (select coalesce(sum(pg_total_relation_size(quote_ident(name)::regclass)), 0)::bigint
   from unnest(%(tables)s::text[]) as name)
"""


@frozen(kw_only=True)
class LegacyServer:
    """A source as its server tells: the major version, and the bytes of the tables that are read."""

    system: LegacySystem
    version: int
    encoding: str
    time_zone: str
    bytes: int


class LegacyConnections:
    """LegacyDatabases over two libpq URLs. Constructing it connects to nothing."""

    def __init__(self, urls: Mapping[LegacySystem, str], *, moments: Mapping[LegacySystem, str] | None = None) -> None:
        """``moments``: what ``Snapshot.moments`` of another process says; then this one sees the same as that one."""
        self._urls = urls
        self._moments = moments or {}

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        shop, admin = LegacySystem.SHOP, LegacySystem.ADMIN
        async with (
            opened(shop, self._urls[shop], moment=self._moments.get(shop)) as of_shop,
            opened(admin, self._urls[admin], moment=self._moments.get(admin)) as of_admin,
        ):
            yield Snapshot({shop: of_shop, admin: of_admin})

    async def servers(self) -> list[LegacyServer]:
        """Both, in one look. Raises LegacyUnreadable as ``snapshot`` does."""
        found: list[LegacyServer] = []
        for system in LegacySystem:
            async with opened(system, self._urls[system]) as connection:
                tables = {"tables": list(NEEDED[system])}
                [(version, encoding, zone, size)] = await fetch(system, connection, _SERVER, tables)
                found.append(
                    LegacyServer(system=system, version=version, encoding=encoding, time_zone=zone, bytes=size)
                )
        return found
