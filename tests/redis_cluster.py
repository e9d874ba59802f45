"""A real Redis Cluster for tests: three masters without replicas, three processes on ports of this machine."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from tests.servers import free_port, in_memory, redis_program

SLOTS = 16384
#: A node that says nothing for this long is taken for failed by the others.
NODE_TIMEOUT_MS = 1_000
BUS = 10_000
WITHIN_S = 20.0


class Node:
    """One process; it keeps what it has when it is stopped, as a node in production does."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    def start(self) -> None:
        """Does not wait for it."""
        command = [redis_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--cluster-enabled", "yes"]
        command += ["--cluster-config-file", "nodes.conf", "--cluster-node-timeout", str(NODE_TIMEOUT_MS)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def signal(self, number: signal.Signals) -> None:
        assert self._server is not None
        self._server.send_signal(number)

    def stop(self) -> None:
        """kill -9. Harmless when it does not run."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def ask(self, *words: str | int) -> Any:
        with redis.Redis(port=self.port, socket_timeout=WITHIN_S) as client:
            return client.execute_command(*words)

    def is_well(self) -> bool:
        """Whether it answers and thinks that all slots are served."""
        try:
            return bool(b"cluster_state:ok" in self.ask("CLUSTER", "INFO"))
        except redis.RedisError:
            return False


class Cluster:
    """Three nodes, a third of the slots each."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [Node(folder / str(number), _port_with_a_bus()) for number in range(3)]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Returns when every node serves its slots, which takes Redis two seconds at least."""
        for node in self.nodes:
            node.start()
        _until(lambda: all(map(_answers, self.nodes)))
        edges = [SLOTS * number // len(self.nodes) for number in range(len(self.nodes) + 1)]
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "ADDSLOTS", *range(edges[number], edges[number + 1]))
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number:
                self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port)
        self.until_well()

    def until_well(self) -> None:
        _until(lambda: all(node.is_well() for node in self.nodes))

    def owner_of(self, queue: str) -> Node:
        """The node that has a queue's slot, in the words of a node that lives."""
        ranges = next(node for node in self.nodes if _answers(node)).ask("CLUSTER", "SLOTS")
        slot = key_slot(f"{{{queue}}}".encode())
        [port] = [primary[1] for first, last, primary, *_ in ranges if first <= slot <= last]
        return next(node for node in self.nodes if node.port == port)

    def move(self, queue: str, to: Node) -> None:
        """Gives a queue's slot, with everything in it, to another node, as an operator who rebalances does."""
        source, slot = self.owner_of(queue), key_slot(f"{{{queue}}}".encode())
        ids = {each.port: each.ask("CLUSTER", "MYID").decode() for each in (source, to)}
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.port])
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to.port])
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 1000):
            source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
        for each in (to, source):
            each.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[to.port])

    def empty(self) -> None:
        for node in self.nodes:
            node.ask("FLUSHALL")

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


def _port_with_a_bus() -> int:
    """A free port; nodes talk to each other on the one that is ten thousand above."""
    while (port := free_port()) + BUS > 0xFFFF:
        pass
    return port


def _answers(node: Node) -> bool:
    try:
        return bool(node.ask("PING"))
    except redis.ConnectionError:
        return False


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "the Redis Cluster did not come up in time"
        time.sleep(0.02)  # a server says nothing until it is asked


@contextmanager
def run_cluster() -> Iterator[Cluster]:
    """A cluster until the context ends."""
    folder = Path(tempfile.mkdtemp(prefix="bstcluster", dir=in_memory() or "/tmp"))
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
