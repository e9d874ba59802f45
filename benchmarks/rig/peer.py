"""The peer's drivers as typed functions. They look for the servers when they are imported, hence not at the top of a module."""

import importlib
import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from benchmarks.rig.servers import PEER

#: What each run is checked for in SQL; all must be 0. benchmarks/peer/README.md says what each means.
CHECKS = (
    "not_202",
    "lost",
    "not_done",
    "id_mismatch",
    "dup_bookings",
    "missing_bookings",
    "wrong_price",
    "wrong_payment",
)
#: Number, status, latency and time of sending in microseconds, event id.
Answer = Sequence[str]


class Load(Protocol):
    """Deliveries in sending order, and what must come out of them."""

    made: Sequence[tuple[str, bytes, dict[str, Any]]]
    deliveries: Sequence[tuple[str, bytes]]
    unique: int
    expected: dict[tuple[str, str], tuple[str | None, str]]

    def sign(self, port: int, secret: str, token: str) -> bytes: ...


def _driver(name: str) -> Any:
    folder = str(PEER / "load")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def load_of(deliveries: int, mix: str, run: str, seed: int) -> Load:
    """The events of ``run`` (their references begin with it), always the same for a seed."""
    made: Load = _driver("gen").Load(deliveries, mix, run, seed)
    return made


def database_url(name: str = "bench") -> str:
    return f"{_driver('bench').PG}/{name}"


def redis_url() -> str:
    return str(_driver("bench").REDIS_URL)


def credentials() -> tuple[str, str]:
    """The producer's token and secret."""
    bench = _driver("bench")
    return bench.TOKEN, bench.SECRET


def data_folder() -> Path:
    return Path(_driver("bench").DATA)


def reset() -> None:
    """An empty database, an empty Redis."""
    _driver("bench").reset()


def prepare(target: Any) -> None:
    """What a target does before its first start: the migrations."""
    _driver("bench").prepare(target.spec["prepare"], target.env, target.fill, target.log)


def target(project: Path) -> Any:
    """BST as run.py knows it: its commands, its environment, what it uses by role. Starts nothing."""
    made = _driver("run").Target("bst", 0, str(project))
    made.log = (data_folder() / "bst.log").open("ab")
    return made


def limit(which: str, events: int) -> float:
    """``accept`` or ``process``: what this machine's PostgreSQL does without any logic, in events per second."""
    command = [".venv/bin/python", "limits/limits.py", which, "-n", str(events)]
    return float(subprocess.run(command, cwd=PEER, check=True, capture_output=True, text=True).stdout)


def shoot(load: Load, ports: Sequence[int], connections: int) -> tuple[float, float, float, list[Answer]]:
    """Sends it all, in equal parts to each port at once. Returns seconds, begin and end (Unix time), and the answers.

    Every ``len(ports)``-th delivery goes to the same port, as from a balancer that goes round.
    """
    token, secret = credentials()
    frames = list(_frames(load.sign(ports[0], secret, token)))
    parts = [frames[at :: len(ports)] for at in range(len(ports))]
    with ThreadPoolExecutor(len(ports)) as together:
        sent = list(together.map(lambda port, part: _shoot(load, port, connections // len(ports), part), ports, parts))
    answers: list[Answer] = [()] * len(frames)
    for at, (_, _, _, rows) in enumerate(sent):
        answers[at :: len(ports)] = rows
    return max(s[0] for s in sent), min(s[1] for s in sent), max(s[2] for s in sent), answers


def _shoot(
    load: Load, port: int, connections: int, frames: Iterable[bytes]
) -> tuple[float, float, float, list[Answer]]:
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        sent: tuple[float, float, float, list[Answer]] = _driver("run").shoot(
            load, port, connections, 0, folder, b"".join(frames)
        )
    return sent


def _frames(signed: bytes) -> Iterable[bytes]:
    """The requests of a signed file, each with the length before it."""
    at = 0
    while at < len(signed):
        end = at + 4 + struct.unpack_from("<I", signed, at)[0]
        yield signed[at:end]
        at = end


def drain(db: Any, target: Any, timeout_s: float) -> bool:
    """Waits until nothing is left to process; False when that takes too long."""
    return bool(_driver("run").drain(db, target, timeout_s))


def verify(db: Any, load: Load, answers: Sequence[Answer]) -> dict[str, int]:
    """The checks, by name; all must be 0."""
    wrong: dict[str, int] = _driver("run").verify(db, load, answers)
    return wrong


def latencies(answers: Sequence[Answer]) -> list[float | None]:
    """p50, p95 and p99 in milliseconds."""
    quantiles: list[float | None] = _driver("run").latencies(answers)
    return quantiles


def last_line(text: str) -> dict[str, Any]:
    """The JSON that a driver ends with."""
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found
