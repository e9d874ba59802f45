"""LegacyDatabases over two URLs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bst_domain.migration import LegacySystem
from bst_legacy.connections import opened
from bst_legacy.snapshot import Snapshot


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
