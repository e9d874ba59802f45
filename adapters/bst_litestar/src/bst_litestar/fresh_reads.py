"""Whoever has just written reads from the primary: their next look must not show them the state of before."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final

from litestar import Request, Response

from bst_application.read_replica import read_up_to_date
from bst_application.recent_writers import RecentWriters

AnyRequest = Request[Any, Any, Any]
AnyResponse = Response[Any]

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED: Final = 400
#: Whose request this is, where it writes: the framework shows an answer without its request.
_writer: ContextVar[str | None] = ContextVar("bst_writer", default=None)


def reads_what_it_wrote(writers: RecentWriters) -> Callable[[AnyRequest], Awaitable[None]]:
    """Before a request: whether it may be answered from a replica. One that writes may not, whatever it reads on the way."""

    async def before(request: AnyRequest) -> None:
        caller = request.headers.get("authorization")
        writes = request.method not in READS
        _writer.set(caller if writes else None)
        read_up_to_date(writes or (caller is not None and writers.has_just_written(caller)))

    return before


def noting_writes(
    writers: RecentWriters, otherwise: Callable[[AnyResponse], Awaitable[AnyResponse]]
) -> Callable[[AnyResponse], Awaitable[AnyResponse]]:
    """After a request that was not refused."""

    async def after(response: AnyResponse) -> AnyResponse:
        writer = _writer.get()
        if writer is not None and (response.status_code or 200) < _REFUSED:
            writers.wrote(writer)
        return await otherwise(response)

    return after
