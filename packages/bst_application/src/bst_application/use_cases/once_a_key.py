"""A request with an idempotency key is done once; its repeat is answered by what the first one did."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from bst_application.ports.publishing import KeyedRequest, PublishTransaction

Done = TypeVar("Done")


@frozen
class KeyReused:
    """The idempotency key belongs to another request to the same path."""


async def once(
    tx: PublishTransaction,
    request: KeyedRequest | None,
    now: datetime,
    *,
    again: Callable[[str], Awaitable[Done]],
    act: Callable[[], Awaitable[Done]],
    lasting: Callable[[Done], bool],
) -> Done | KeyReused:
    """Does it once a key: ``again`` answers a repeat from the first request's subject.

    What was refused is not ``lasting``: the next request with the key tries anew.
    """
    if request is None:
        return await act()
    earlier = await tx.claim(request, now=now)
    if earlier is not None:
        return await again(earlier.subject) if earlier.body_hash == request.body_hash else KeyReused()
    outcome = await act()
    if not lasting(outcome):
        await tx.give_back(request)
    return outcome
