"""The queue on a Redis Cluster of three nodes: the whole suite of queues, and what only a cluster does."""

import asyncio
import signal
from collections.abc import AsyncIterator
from functools import partial

import pytest
import redis as redis_client

from bst_application.errors import Unavailable
from bst_application.ports.queue import Job, JobQueue
from bst_bullmq.bullmq_queue import BullMQJobQueue
from bst_bullmq.redis_queue import RedisJobQueue
from bst_bullmq.slot_owner import OwnerConnection
from bst_testing.conformance.job_queue import accepts, consuming, job, until
from tests.bullmq.test_job_queues import BullMQConformance
from tests.redis_cluster import Cluster, Node


class TestRedisClusterJobQueue(BullMQConformance):
    """Taken away is the node that has the queue; the two others cannot serve for it."""

    cluster: Cluster

    @pytest.fixture
    async def queue(self, redis_cluster: Cluster) -> AsyncIterator[RedisJobQueue]:
        self.cluster = redis_cluster
        queue = RedisJobQueue(self.address(), "events")
        yield queue
        await queue.close()

    async def take_away(self, queue: JobQueue) -> None:
        self.taken = self.cluster.owner_of(queue.name)
        self.taken.stop()

    async def bring_back(self, queue: JobQueue) -> None:
        self.taken.start()

    def address(self) -> str:
        return self.cluster.url

    def made(self, lease_s: float) -> RedisJobQueue:
        return RedisJobQueue(self.address(), "events", lease_s=lease_s)


@pytest.fixture
async def queue(redis_cluster: Cluster) -> AsyncIterator[RedisJobQueue]:
    queue = RedisJobQueue(redis_cluster.url, "events")
    yield queue
    await queue.close()


def others_than(owner: Node, cluster: Cluster) -> list[Node]:
    return [node for node in cluster.nodes if node is not owner]


async def test_all_of_a_queue_is_on_one_node_and_queues_are_spread_by_their_names(
    redis_cluster: Cluster,
) -> None:
    names = ("events", "events-of-asia", "events-of-europe", "events-of-oceania")
    for name in names:
        queue = RedisJobQueue(redis_cluster.url, name)
        await queue.enqueue(job())
        await queue.close()
    keys = {node.port: {key.decode() for key in node.ask("KEYS", "*")} for node in redis_cluster.nodes}
    for name in names:
        assert [port for port, found in keys.items() if any(key.startswith(f"{{{name}}}:") for key in found)] == [
            redis_cluster.owner_of(name).port
        ]
    assert len([port for port, found in keys.items() if found]) > 1


async def test_the_queue_follows_its_slot_to_another_node(redis_cluster: Cluster, queue: RedisJobQueue) -> None:
    """A rebalanced cluster: nobody restarts anything, and no job is lost or done twice."""
    seen: list[Job] = []

    async def handler(one: Job) -> None:
        seen.append(one)

    async def came(jobs: list[Job]) -> bool:
        return {one.id for one in jobs} <= {one.id for one in seen}

    home = redis_cluster.owner_of("events")
    [new_home, _] = others_than(home, redis_cluster)
    jobs = [job() for _ in range(4)]
    try:
        async with consuming(queue, handler):
            await queue.enqueue(jobs[0])
            await until(lambda: came(jobs[:1]))
            await asyncio.to_thread(redis_cluster.move, "events", new_home)
            for one in jobs[1:]:
                await until(partial(accepts, queue, one))
            await until(lambda: came(jobs))
        assert redis_cluster.owner_of("events") is new_home
        assert new_home.ask("KEYS", "*")
        assert sorted(one.id for one in seen) == sorted(one.id for one in jobs)
    finally:
        redis_cluster.move("events", home)


async def test_a_dead_node_without_the_queue_stops_nobody(redis_cluster: Cluster) -> None:
    """Where the cluster goes on without some of its slots, the queue does, too, and a worker may even start then."""
    home = redis_cluster.owner_of("events")
    [dead, _] = others_than(home, redis_cluster)
    for node in redis_cluster.nodes:
        node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
    dead.stop()
    queue = RedisJobQueue(redis_cluster.url, "events")
    seen: list[Job] = []

    async def handler(one: Job) -> None:
        seen.append(one)

    async def came() -> bool:
        return bool(seen)

    try:
        async with consuming(queue, handler):
            one = job()
            await until(lambda: accepts(queue, one))
            await until(came)
    finally:
        await queue.close()
        dead.start()
        for node in others_than(dead, redis_cluster):
            node.ask("CONFIG", "SET", "cluster-require-full-coverage", "yes")
    assert seen == [one]


async def test_a_node_that_hangs_is_unavailable_and_not_waited_for(redis_cluster: Cluster) -> None:
    """Whoever asks where the slot is asks all nodes at once."""
    home = redis_cluster.owner_of("events")
    [hanging, _] = others_than(home, redis_cluster)
    hanging.signal(signal.SIGSTOP)
    queue = RedisJobQueue(redis_cluster.url, "events")
    try:
        await queue.enqueue(job())
    finally:
        await queue.close()
        hanging.signal(signal.SIGCONT)


async def test_no_node_is_there(redis_cluster: Cluster) -> None:
    queue = RedisJobQueue("redis+cluster://127.0.0.1:1,127.0.0.1:2", "events")
    with pytest.raises(Unavailable):
        await queue.enqueue(job())
    await queue.close()


async def test_a_server_that_is_no_cluster_is_unavailable(redis_url: str) -> None:
    queue = RedisJobQueue(redis_url.replace("redis://", "redis+cluster://"), "events")
    with pytest.raises(Unavailable):
        await queue.enqueue(job())
    await queue.close()


async def test_every_node_is_asked_with_the_password_of_the_url(redis_cluster: Cluster) -> None:
    for node in redis_cluster.nodes:
        node.ask("CONFIG", "SET", "requirepass", "a-password")
    locked = redis_cluster.url.replace("redis+cluster://", "redis+cluster://:a-password@")
    with_it, without = RedisJobQueue(locked, "events"), RedisJobQueue(redis_cluster.url, "events")
    try:
        await with_it.enqueue(job())
        with pytest.raises(Unavailable):
            await without.enqueue(job())
    finally:
        await with_it.close()
        await without.close()
        for node in redis_cluster.nodes:
            with redis_client.Redis(port=node.port, password="a-password") as client:
                client.config_set("requirepass", "")


def test_with_tls_the_connection_to_the_owner_has_it() -> None:
    """redis-server of the wheel has no TLS, so the handshake itself is not tested."""
    for scheme, secure in (("redis", False), ("rediss", True)):
        queue = RedisJobQueue(f"{scheme}+cluster://node-1:7000,node-2:7000", "events")
        connection = queue._broker.queue_options()["connection"].connection_pool.make_connection()
        assert isinstance(connection, OwnerConnection)
        assert ("ssl" in connection._connection_arguments()) == secure


def test_a_plain_url_for_a_cluster_is_told_apart(redis_cluster: Cluster) -> None:
    """Why there is a scheme: without hash tags a cluster refuses BullMQ's scripts."""
    with (
        redis_client.Redis(port=redis_cluster.nodes[0].port) as client,
        pytest.raises(redis_client.ResponseError, match=r"(?i)crossslot|moved|same slot"),
    ):
        client.eval("return 1", 2, "bull:events:wait", "bull:events:meta")


def test_it_is_a_queue_like_the_other(redis_cluster: Cluster) -> None:
    assert isinstance(RedisJobQueue(redis_cluster.url, "events"), BullMQJobQueue)
