"""Storages that meet something while they save: a bug, or somebody else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from bst_application.errors import Conflict
from bst_application.ports.bookings import BookingChange, BookingStore
from bst_application.ports.operations import OpsDesk, OpsTransaction
from bst_domain.values import BookingIdentity


class FailingSave:
    """A booking store whose save breaks, as a bug would; with ``of``, where that booking is among those to be saved."""

    def __init__(self, store: BookingStore, of: BookingIdentity | None = None) -> None:
        self._store = store
        self._of = of

    def processing(self) -> Any:
        """The store's own transaction, with a broken save."""
        return _Breaking(self._store.processing(), self._of)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _Breaking:
    def __init__(self, inner: Any, of: BookingIdentity | None) -> None:
        self._inner = inner
        self._of = of

    async def __aenter__(self) -> Any:
        tx = await self._inner.__aenter__()
        real = tx.save

        async def broken(changes: Sequence[BookingChange], *, now: datetime) -> None:
            if self._of is None or self._of in [change.identity for change in changes]:
                raise RuntimeError("this store cannot save")
            await real(changes, now=now)

        tx.save = broken
        return tx

    async def __aexit__(self, *error: Any) -> Any:
        return await self._inner.__aexit__(*error)


class Meanwhile:
    """A booking store beside which something else goes on from before the save until it is done, or waits for the commit."""

    def __init__(self, store: BookingStore, something: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._something = something
        self._task: asyncio.Future[None] | None = None

    def processing(self) -> Any:
        """The store's own transaction; its save is preceded."""
        return _Preceded(self._store.processing(), self._precede)

    async def over(self) -> None:
        """Until what began has ended."""
        assert self._task is not None, "nothing was saved"
        await self._task

    async def _precede(self) -> None:
        if self._task is None:
            self._task = asyncio.ensure_future(self._something())
            await asyncio.wait([self._task], timeout=0.5)  # who waits for our commit does not end before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _Preceded:
    def __init__(self, inner: Any, precede: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._precede = precede

    async def __aenter__(self) -> Any:
        tx = await self._inner.__aenter__()
        real = tx.save

        async def saving(changes: Sequence[BookingChange], *, now: datetime) -> None:
            await self._precede()
            await real(changes, now=now)

        tx.save = saving
        return tx

    async def __aexit__(self, *error: Any) -> Any:
        return await self._inner.__aexit__(*error)


class LosingDesk:
    """An ops desk whose first commits lose to somebody else's; each loser has seen and done everything."""

    def __init__(self, desk: OpsDesk, *, losses: int) -> None:
        self._desk = desk
        self.losses = losses

    @asynccontextmanager
    async def operating(self) -> AsyncIterator[OpsTransaction]:
        async with self._desk.operating() as tx:
            yield tx
            if self.losses:
                self.losses -= 1
                raise Conflict("somebody else was first")
