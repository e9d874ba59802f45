"""Surroundings of gates over a real API and PostgreSQL in this process; the test decides what happens while a gate waits."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, field

from bst_application.ports.legacy import LegacySnapshot
from bst_cli.gates.carrying import Gate
from bst_cli.gates.findings import Judged
from bst_cli.gates.release import given_by_environment
from bst_cli.gates.surroundings import Api as GateApi
from bst_cli.gates.surroundings import Producer, Surroundings
from bst_domain.migration import LegacySystem, Verdict
from bst_legacy.databases import LegacyConnections
from bst_postgres.database import Database
from bst_testing.fakes.legacy import MemoryLegacy
from tests.api.harness import ADMIN, SECRET, TOKEN, Api


async def nothing_happens() -> None:
    """While a gate waits."""


@asynccontextmanager
async def nothing_legacy() -> AsyncIterator[LegacySnapshot]:
    """Two empty databases."""
    yield MemoryLegacy()


def over(dsn: str, urls: Mapping[LegacySystem, str]) -> Surroundings:
    """Surroundings of gates that ask databases alone; whoever asks for anything else fails."""

    @asynccontextmanager
    async def database() -> AsyncIterator[Database]:
        opened = Database(dsn, pool_size=2)
        try:
            yield opened
        finally:
            await opened.close()

    async def pause(seconds: float) -> bool:
        raise AssertionError(f"a gate that waits {seconds} seconds")

    def nobody() -> Any:
        raise AssertionError("a gate that asks for it")

    return Surroundings(
        api=nobody,
        database=database,
        producer=nobody,
        legacy=LegacyConnections(urls).snapshot,
        now=lambda: datetime.now(UTC),
        pause=pause,
        tell=lambda _line: None,
        progress=lambda *_: None,
    )


@define
class Bench:
    """A clock that moves when a gate waits. ``meanwhile`` happens then; ``interrupt_after`` waits somebody presses Ctrl-C."""

    api: Api
    meanwhile: Callable[[], Awaitable[Any]] = nothing_happens
    interrupt_after: int | None = None
    waits: int = 0
    told: list[str] = field(factory=list)
    _ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def pause(self, seconds: float) -> bool:
        self.waits += 1
        self._ahead += timedelta(seconds=seconds)
        await self.meanwhile()
        return self.waits == self.interrupt_after

    def surroundings(self) -> Surroundings:
        @asynccontextmanager
        async def api() -> AsyncIterator[GateApi]:
            yield GateApi(http=self.api.http, token=ADMIN)

        @asynccontextmanager
        async def database() -> AsyncIterator[Database]:
            yield self.api.database

        return Surroundings(
            api=api,
            database=database,
            producer=lambda: Producer(token=TOKEN, secret=SECRET),
            legacy=nothing_legacy,
            now=self.now,
            pause=self.pause,
            tell=self.told.append,
            progress=lambda *_: None,
        )

    async def measure(self, gate: Gate, **given: Any) -> Judged:
        """With the gate's own defaults, but for what is given."""
        return await gate.measure(self.surroundings(), {**given_by_environment(gate), **given})


def not_passed(judged: Judged) -> dict[str, Verdict]:
    """Check -> verdict, of those that did not pass."""
    return {one.name: one.verdict for one in judged.findings if one.verdict is not Verdict.PASS}
