"""A storage that meets a bug while it saves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bst_application.ports.bookings import BookingChange, BookingStore
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
