"""Real API and worker processes on a database and a queue, each of which may be taken from them."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from attrs import define, field, frozen

from bst_cli.reading import Api
from bst_cli.sample import SampleDay, make_day
from bst_cli.sending import Line, Outcome, in_order, read_lines, send_all
from bst_domain.ingest import canonical_text
from bst_emitter import Target
from tests.api.harness import ADMIN, SECRET, TOKEN
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
WITHIN_S = 40.0
#: Exit codes of a process that stopped in order: uvicorn passes the signal on when it is done.
STOPPED = {0, -signal.SIGTERM}


async def until(condition: Callable[[], Awaitable[bool]], what: str, within_s: float = WITHIN_S) -> None:
    """Waits for something of the outside world; fails when it does not come."""
    deadline = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < deadline, f"{what} did not come within {within_s} seconds"
        await asyncio.sleep(0.05)


@define(kw_only=True)
class Program:
    """One process of ours. It may be killed and started again; its log goes on."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    up: str  # what its log says when it works
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Does not wait until it is up."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        return bool(self.said(self.up))

    def said(self, words: str) -> list[str]:
        """The lines of its log that have these words."""
        return [line for line in self.log.read_text().splitlines() if words in line]

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> int:
        """As an operator stops it; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def bug(self) -> str:
        """What its log says that no outage excuses."""
        found = re.search(r"^.* ERROR |^Traceback", log := self.log.read_text(), re.MULTILINE)
        return log[found.start() :][:20_000] if found else ""


@frozen(kw_only=True)
class System:
    """Some APIs and workers. ``dsn`` is the database by a way that no fault disturbs."""

    apis: Sequence[Program]
    workers: Sequence[Program]
    urls: Sequence[str]
    dsn: str

    async def send(
        self,
        lines: Sequence[Line],
        *,
        to: int = 0,
        rate: float | None = None,
        concurrency: int = 8,
        shuffle: int | None = None,
    ) -> Outcome:
        """Sends until each delivery has its final answer; fails when one of them is no 202."""
        target = Target(url=self.urls[to], token=TOKEN, secret=SECRET)
        chosen = in_order(list(lines), repeat=1, shuffle=shuffle)
        outcome = await send_all(chosen, target, concurrency=concurrency, rate=rate, progress=lambda: None)
        assert (dict(outcome.refused), outcome.given_up) == ({}, [])
        assert outcome.accepted + outcome.replayed == len(lines)
        return outcome

    async def answers(self, path: str, at: int = 0) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.urls[at], timeout=20, trust_env=False) as client:
            headers = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
            return await client.get(path, headers=headers)

    async def rows(self, query: str, *given: object) -> list[tuple[object, ...]]:
        """What a query gives, or nothing for a statement; committed at once."""

        def ask() -> list[tuple[object, ...]]:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                cursor = connection.execute(query.encode(), given or None)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        return await asyncio.to_thread(ask)

    async def count(self, query: str) -> int:
        [(number,)] = await self.rows(f"select count(*) from {query}")
        assert isinstance(number, int)
        return number

    async def has_events(self, at_least: int) -> bool:
        return await self.count("ingest_event_log") >= at_least

    def reader(self, at: int = 0) -> Api:
        return Api(self.urls[at], ADMIN)


@asynccontextmanager
async def a_system(
    *,
    dsn: str,
    redis_url: str,
    behind: str | None = None,
    api_clocks: Sequence[float] = (0.0,),
    worker_clocks: Sequence[float] = (0.0,),
    bugs: bool = False,
) -> AsyncIterator[System]:
    """Processes that are up. A clock is how many seconds it is ahead. ``behind``: the database as the processes reach it.

    They stop in order when they are told to, whatever has happened to them; and none of them has met a bug, unless ``bugs`` says
    that they meet one on purpose.
    """
    with tempfile.TemporaryDirectory(prefix="bstfaults", dir="/tmp") as folder:
        environment = {
            **os.environ,
            "OPS_DB_URL": behind or dsn,
            "INGEST_REDIS_URL": redis_url,
            "CORE_API_ADMIN_TOKEN": ADMIN,
            "INGEST_SERVICE_TOKEN": TOKEN,
            "INGEST_SERVICE_SECRET": SECRET,
            "INGEST_WEBHOOK_ENABLED": "true",
            "INGEST_QUEUE_ENABLED": "true",
            "BST_ENV": "development",
        }
        ports = [free_port() for _ in api_clocks]

        def program(name: str, skew: float, port: int | None, up: str) -> Program:
            kind = "worker" if port is None else "api"
            if skew:
                words = ["tests.faults.skewed", kind, str(skew), *([] if port is None else [str(port)])]
            else:
                words = ["bst_worker"] if port is None else ["bst_core_api", "--port", str(port)]
            return Program(
                command=[sys.executable, "-m", *words], environment=environment, log=Path(folder) / name, up=up
            )

        system = System(
            apis=[
                program(f"api{at}", skew, port, "")
                for at, (skew, port) in enumerate(zip(api_clocks, ports, strict=True))
            ],
            workers=[program(f"worker{at}", skew, None, "the worker works") for at, skew in enumerate(worker_clocks)],
            urls=[f"http://127.0.0.1:{port}" for port in ports],
            dsn=dsn,
        )
        programs = [*system.apis, *system.workers]
        try:
            for each in programs:
                each.start()
            for worker in system.workers:
                await until(worker.is_up, "the worker")
            for at in range(len(ports)):
                await until(partial(is_alive, system, at), "the API")
            yield system
        except BaseException:
            for each in programs:
                print(each.log.name, each.log.read_text()[-4000:], sep="\n")
            raise
        finally:
            codes = await asyncio.gather(*(asyncio.to_thread(each.stop) for each in programs))
        assert set(codes) <= STOPPED, [each.log.read_text()[-2000:] for each in programs]
        for each in programs:
            if (bug := each.bug()) and not bugs:
                pytest.fail(f"{each.log.name}: {bug}")


async def is_alive(system: System, at: int = 0) -> bool:
    try:
        return (await system.answers("/health", at)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@frozen(kw_only=True)
class Day:
    """The deliveries of a sample day, and the bookings that must come out of it."""

    lines: Sequence[Line]
    expected: Sequence[dict[str, object]]


def line_of(said: dict[str, Any], key: str) -> Line:
    """One delivery of a body."""
    return Line(number=1, key=key, body=canonical_text(said).encode())


def a_day(seed: int, bookings: int) -> Day:
    """Days of different seeds below 10,000 share no booking."""
    with tempfile.TemporaryDirectory() as folder:
        made: SampleDay = make_day(Path(folder), seed=seed, bookings=bookings)
        return Day(lines=read_lines(made.deliveries), expected=made.expected)
