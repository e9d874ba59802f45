"""BST's own commands as processes: some API processes, each on a port of its own, and some workers."""

import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.rig import peer
from benchmarks.rig.servers import ROOT, free_port

READY_WITHIN_S = 60.0
CONSUMING = b"bst_worker_consuming 1.0"


class Stack:
    """A context; on leaving it every process that it started is stopped by its id."""

    def __init__(self, *, migrate: bool = True) -> None:
        self.target: Any = peer.target(ROOT)
        self.ports: list[int] = []
        if migrate:
            peer.prepare(self.target)

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        self.target.stop()
        self.target.log.close()

    def start(self, *, apis: int, workers: int) -> None:
        """Returns when each API answers and each worker takes jobs."""
        api, worker = self.target.spec["api"], self.target.spec["worker"]
        self.ports = [free_port() for _ in range(apis)]
        pages = []
        for number, port in enumerate(self.ports, 1):
            self.target.port = port
            self._spawn(f"api {number}", api)
            pages.append((f"http://127.0.0.1:{port}/health", b""))
        for number in range(1, workers + 1):
            metrics = free_port()
            self._spawn(f"worker {number}", worker, BST_WORKER_METRICS_PORT=str(metrics))
            pages.append((f"http://127.0.0.1:{metrics}/metrics", CONSUMING))
        for url, saying in pages:
            self._wait(url, saying)

    def start_workers(self, workers: int) -> None:
        """Waits for nobody: what they find to do is what is measured."""
        for number in range(1, workers + 1):
            self._spawn(f"worker {number}", self.target.spec["worker"])

    def stop_workers(self) -> None:
        """As an operator does: SIGTERM, and wait."""
        keep = {name: process for name, process in self.target.procs.items() if not name.startswith("worker")}
        self.target.procs = {name: process for name, process in self.target.procs.items() if name not in keep}
        self.target.stop()
        self.target.procs = keep

    def cpu(self) -> Counter[str]:
        """CPU seconds so far: ``api``, ``worker``, ``postgres``, ``redis``, and ``machine`` for everything."""
        used: Counter[str] = Counter()
        for name, seconds in self.target.usage()[0].items():
            used[name.split()[0]] += seconds
        return used

    def roles(self) -> Mapping[int, str]:
        """The processes that were started, by id: each leads a session of its own, `uv run` and what it starts."""
        return {process.pid: name for name, process in self.target.procs.items()}

    def _spawn(self, name: str, command: Sequence[str], **env: str) -> None:
        self.target.procs[name] = subprocess.Popen(
            self.target.fill(command),
            env={**self.target.env, "PORT": str(self.target.port), **env},
            stdout=self.target.log,
            stderr=self.target.log,
            start_new_session=True,
        )

    def _wait(self, url: str, saying: bytes) -> None:
        end = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                with urllib.request.urlopen(url, timeout=2) as page:
                    if saying in page.read():
                        return
            except OSError:
                pass
            self.target.alive()
            if time.monotonic() > end:
                raise SystemExit(f"{url} does not answer as it should; see {self.target.log.name}")
            time.sleep(0.05)  # a page says nothing until it is asked
