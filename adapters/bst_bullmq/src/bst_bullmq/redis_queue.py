"""BullMQ on Redis: the production broker. One server, or a cluster of them."""

from typing import Any

from bullmq import Worker
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bst_application.redis_url import cluster_url, names_cluster
from bst_bullmq.bullmq_queue import ANSWER_WITHIN_S, LEASE_S, BullMQJobQueue
from bst_bullmq.slot_owner import OwnerConnection, SecureOwnerConnection, SlotOwner

#: More callers than this wait for each other, within their second.
QUEUE_CONNECTIONS = 16
WORKER_CONNECTIONS = 128
#: A broker that says nothing for this long while the worker waits for work hangs. It is asked to say so every third of that:
#: a socket that times out in the middle of a wait would cost jobs their wake-up call. BullMQ waits ten seconds at most.
WORKER_SILENCE_S = 15.0


class _RedisBroker:
    """Connections for BullMQ. Retrying is ours to decide, so the client's own is off."""

    failure: type[Exception] = RedisError

    def __init__(self, url: str, name: str) -> None:
        """Raises ValueError for the URL of a cluster that is none."""
        #: BullMQ's own prefix, which is where the jobs of an installation on one server already are.
        self._prefix = "bull"
        self._url = url
        self._where: dict[str, Any] = {}
        if names_cluster(url):
            cluster = cluster_url(url)
            # What is in braces decides over the slot. Queues of different names may then be on different nodes.
            self._prefix = f"{{{name}}}"
            self._url = cluster.of(cluster.nodes[0])
            secure = parse_url(self._url).get("connection_class") is not None
            self._where = {
                "connection_class": SecureOwnerConnection if secure else OwnerConnection,
                "owner": SlotOwner(cluster, name),
            }

    def queue_options(self) -> dict[str, Any]:
        client = self._client(ANSWER_WITHIN_S, connections=QUEUE_CONNECTIONS)
        return {"connection": client, "prefix": self._prefix}

    def worker_options(self) -> dict[str, Any]:
        client = self._client(WORKER_SILENCE_S, connections=WORKER_CONNECTIONS)
        return {"connection": client, "prefix": self._prefix, "drainDelay": WORKER_SILENCE_S / 3}

    async def prepare(self, worker: Worker) -> None:
        # The blocking connection must know its server's version before it blocks, or delayed jobs run up to a second late.
        await worker.blockingRedisConnection.getRedisVersion()

    def _client(self, timeout_s: float, *, connections: int) -> Redis:
        options: dict[str, Any] = {
            "max_connections": connections,
            "timeout": ANSWER_WITHIN_S,
            "decode_responses": True,
            "socket_timeout": timeout_s,
            "socket_connect_timeout": ANSWER_WITHIN_S,
            "retry": Retry(NoBackoff(), 0),
            **_keepalive(self._url),
            **parse_url(self._url),  # what the URL says holds
            **self._where,
        }
        pool: BlockingConnectionPool = BlockingConnectionPool(**options)
        client: Redis = Redis.from_pool(pool)
        return client


def _keepalive(url: str) -> dict[str, Any]:
    """A socket file has nothing to keep alive."""
    return {} if url.startswith("unix:") else {"socket_keepalive": True, "health_check_interval": 15}


class RedisJobQueue(BullMQJobQueue):
    """JobQueue on Redis. ``url``: ``redis://``, ``rediss://`` or ``unix://``, or that of a cluster (``redis_url``)."""

    def __init__(self, url: str, name: str, *, lease_s: float = LEASE_S) -> None:
        super().__init__(_RedisBroker(url, name), name, lease_s=lease_s)
