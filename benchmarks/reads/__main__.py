"""Measures the reads: `uv run python -m benchmarks.reads [--quick] [--write] [--bookings N]`.

Fills a PostgreSQL of its own, starts the real API on it, and asks one question after the other over one connection that stays
open; all cases in turn, round after round, so that a change of the machine's speed meets every one. Two references are asked
in the same rounds: a SELECT by primary key on the API's way to the database, and /health. Nothing is asserted but that
every answer is the one that was to come.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, perf_counter, sleep

import psycopg

from benchmarks.machine import machine
from benchmarks.reads.bookings import Made
from benchmarks.reads.cases import cases, named
from benchmarks.reads.fill import fill
from benchmarks.reads.page import Figures, page
from bst_cli.embedded.postgres import EmbeddedPostgres
from bst_postgres.migrate import upgrade

RESULTS = Path(__file__).parents[1] / "results"
TOKEN = "token-of-the-benchmark-of-reads"
READY_WITHIN_S = 60.0
#: As large a part of the tables as where operators follow PostgreSQL's advice of a quarter of the memory.
SHARED_BUFFERS = "1GB"
LIVE, PRIMARY_KEY = "reference: GET /health", "reference: SELECT by primary key, without HTTP"


@contextmanager
def database(many: int) -> Iterator[tuple[str, list[Made]]]:
    """A filled PostgreSQL in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="bstreads", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user there
        server = EmbeddedPostgres(Path(folder) / "postgres")
        dsn = server.start()
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(f"alter system set shared_buffers = '{SHARED_BUFFERS}'".encode())
            server.stop()
            dsn = server.start()
            upgrade(dsn)
            yield dsn, fill(dsn, many, datetime.now(UTC))
        finally:
            server.stop()


@contextmanager
def api(dsn: str) -> Iterator[HTTPConnection]:
    """A connection to a running API process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environ = {**os.environ, "OPS_DB_URL": dsn, "CORE_API_ADMIN_TOKEN": TOKEN, "BST_LOG_LEVEL": "WARNING"}
    for name in ("INGEST_REDIS_URL", "REDIS_URL"):
        environ.pop(name, None)
    command = [sys.executable, "-m", "bst_core_api", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=environ, stdout=sys.stderr) as process:
        try:
            yield _ready(port, process)
        finally:
            process.terminate()


def _ready(port: int, process: subprocess.Popen[bytes]) -> HTTPConnection:
    deadline = monotonic() + READY_WITHIN_S
    while monotonic() < deadline and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/health/ready")
            if connection.getresponse().read() and connection.sock is not None:
                return connection
        except OSError:
            sleep(0.1)  # the process says nothing that could be waited for
    sys.exit("benchmarks.reads: the API did not start; its log is above")


def ask(connection: HTTPConnection, path: str) -> tuple[float, int, bytes]:
    """Milliseconds until the whole answer is there, its status and its body."""
    began = perf_counter()
    connection.request("GET", path, headers={"authorization": f"Bearer {TOKEN}", "x-admin-role": "STAFF"})
    answer = connection.getresponse()
    body = answer.read()
    return (perf_counter() - began) * 1000, answer.status, body


def by_primary_key(connection: psycopg.Connection, made: Made) -> float:
    """Milliseconds of one SELECT."""
    began = perf_counter()
    connection.execute("select version from booking_core where booking_key = %s", (made.key,)).fetchone()
    return (perf_counter() - began) * 1000


def measure(dsn: str, http: HTTPConnection, sample: Sequence[Made], rounds: int) -> dict[str, Figures]:
    """Name of a case -> what its answers took."""
    chance = random.Random(1)
    groups = cases(sample, datetime.now(UTC).date())
    taken: dict[str, list[float]] = {}
    rows: dict[str, list[int]] = {}
    with psycopg.connect(dsn, autocommit=True) as database:
        for number in range(-2, rounds):  # two to get warm
            for name, asked in (*named(groups), (LIVE, lambda _: "/health")):
                took, status, body = ask(http, path := asked(chance))
                if status not in ({200, 404} if path.startswith("/v1/ops/bookings/") else {200}):
                    sys.exit(
                        f"benchmarks.reads: {name}: {path} answers {status}: {body[:500].decode(errors='replace')}"
                    )
                if number >= 0:
                    taken.setdefault(name, []).append(took)
                    rows.setdefault(name, []).append(_rows(body))
            if number >= 0:
                taken.setdefault(PRIMARY_KEY, []).append(by_primary_key(database, chance.choice(sample)))
            print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {name: Figures.of(values, rows.get(name, [1])) for name, values in taken.items()}


def _rows(body: bytes) -> int:
    data = json.loads(body).get("data")
    return len(data) if isinstance(data, list) else int(data is not None)


def sizes(dsn: str) -> Mapping[str, int]:
    """Bytes of the tables that lists read, and of their indexes."""
    query = """select relname, pg_relation_size(oid) from pg_class where relkind in ('r', 'i') and relname = any(%s)
        or oid in (select indexrelid from pg_index where indrelid in ('booking_core'::regclass, 'booking_contact'::regclass))
        order by relkind desc, relname"""
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute(query, (["booking_core", "booking_contact"],)).fetchall())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few bookings and rounds, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/reads.md and .json")
    parser.add_argument("--bookings", type=int, help="1,000,000, or 5,000 with --quick")
    parser.add_argument("--rounds", type=int, help="200, or 3 with --quick")
    arguments = parser.parse_args()
    many = arguments.bookings or (5_000 if arguments.quick else 1_000_000)
    rounds = arguments.rounds or (3 if arguments.quick else 200)
    with database(many) as (dsn, sample):
        with api(dsn) as http:
            figures = measure(dsn, http, sample, rounds)
        known = sizes(dsn)
    groups = {heading: list(group) for heading, group in cases(sample, datetime.now(UTC).date()).items()}
    text = page(
        figures,
        groups,
        references=(LIVE, PRIMARY_KEY),
        sizes=known,
        bookings=many,
        facts={**machine(), "shared_buffers": SHARED_BUFFERS},
    )
    print(text)
    if arguments.write:
        RESULTS.joinpath("reads.md").write_text(text, "utf-8")
        report = {name: figure.as_json() for name, figure in figures.items()}
        RESULTS.joinpath("reads.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    worst = max(figures, key=lambda name: figures[name].p95)
    print(f"{len(figures)} cases of {rounds} requests; the slowest: {worst}, p95 {figures[worst].p95:.1f} ms")


if __name__ == "__main__":
    main()
