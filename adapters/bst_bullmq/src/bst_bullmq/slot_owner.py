"""One slot of a Redis Cluster, and a connection that goes to whoever has it.

All keys of a BullMQ queue must be in one slot, so all of a queue is on one node. A client of the whole cluster would route every
command to that node, at more than half as much processor time again, and BullMQ names it to every node before it works, so that
one dead node elsewhere would stop the queue. So an ordinary client is enough, if its connections follow the slot.
"""

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, ReadOnlyError, RedisError, TryAgainError
from redis.exceptions import ConnectionError as Lost

from bst_application.redis_url import ClusterUrl

#: A node that is asked for the slot's owner and says nothing for this long is as good as away.
ASK_WITHIN_S = 0.5

#: What a node says that does not serve the slot now. MOVED is a kind of ASK.
_ELSEWHERE = (AskError, ClusterDownError, TryAgainError, ReadOnlyError)

Address = tuple[str, int]


class SlotOwner:
    """Where a slot is at present. Nothing is asked until somebody wants to connect."""

    def __init__(self, cluster: ClusterUrl, tag: str) -> None:
        self._cluster = cluster
        self._slot = key_slot(f"{{{tag}}}".encode())
        self._known: tuple[Address, ...] = cluster.nodes
        self._owner: Address | None = None
        self._looking: asyncio.Future[Address] | None = None
        self._asking: set[asyncio.Future[Address | None]] = set()

    async def address(self) -> Address:
        """Raises the library's own ConnectionError when no node knows the owner."""
        if self._owner is not None:
            return self._owner
        if self._looking is None:  # many connections at once need one answer, not one each
            self._looking = asyncio.ensure_future(self._asked())
            self._looking.add_done_callback(self._looked)
        return await asyncio.shield(self._looking)

    def forget(self) -> None:
        """The next connection asks again."""
        self._owner = None

    def _looked(self, looking: "asyncio.Future[Address]") -> None:
        self._looking = None
        if not looking.cancelled() and looking.exception() is None:
            self._owner = looking.result()

    async def _asked(self) -> Address:
        """All nodes are asked at once: whoever waits for a job's hand-over has no time for one after the other."""
        asking = {asyncio.ensure_future(self._ask(node)) for node in self._known}
        # None is cancelled: each ends by itself in time, and one that is cut off leaves a connection behind.
        self._asking |= asking
        for each in asking:
            each.add_done_callback(self._asking.discard)
        for answer in asyncio.as_completed(asking):
            owner = await answer
            if owner is not None:
                return owner
        raise Lost("no node of the Redis Cluster says where the queue's slot is")

    async def _ask(self, node: Address) -> Address | None:
        """The owner in the words of one node; None when it does not answer or knows none."""
        client: Redis = Redis.from_url(
            self._cluster.of(node),
            decode_responses=True,
            socket_timeout=ASK_WITHIN_S,
            socket_connect_timeout=ASK_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            # Two words, or the library makes something of its own of the answer.
            ranges: list[list[Any]] = await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]  # redis has no types for it
        except (RedisError, OSError, TimeoutError):
            return None
        finally:
            await client.aclose()
        # A node that has no name of its own is where it was asked.
        nodes = [(str(each[0] or node[0]), int(each[1])) for found in ranges for each in found[2:]]
        self._known = tuple(dict.fromkeys((*self._cluster.nodes, *nodes)))
        for first, last, primary, *_ in ranges:
            if first <= self._slot <= last:
                return str(primary[0] or node[0]), int(primary[1])
        return None


class OwnerConnection(Connection):
    """A connection to the owner of a slot. It ends when the slot goes elsewhere, and the next one goes there, too."""

    def __init__(self, *, owner: SlotOwner, **options: Any) -> None:
        super().__init__(**options)
        self._slot_owner = owner

    async def _connect(self) -> None:
        self.host, self.port = await self._slot_owner.address()
        try:
            await super()._connect()  # type: ignore[no-untyped-call]  # redis has no types for it
        except BaseException:
            self._slot_owner.forget()
            raise

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except _ELSEWHERE as error:
            self._slot_owner.forget()
            await self.disconnect(nowait=True)
            # BullMQ's worker waits for a lost connection, and takes other errors for those of a job.
            raise Lost(f"the queue's slot is elsewhere: {type(error).__name__}") from error


class SecureOwnerConnection(OwnerConnection, SSLConnection):
    """The same with TLS; the certificate is checked against the name of the node that is connected to."""
