"""The seeded scheduler: one step at a time, and it decides whose.

Every port call of every process stops here first. The scheduler picks the next call to let through, lets one fail, kills a
process between any two calls, or moves the clock. Nothing else decides anything, so a seed is a story that can be told again.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from attrs import define, field

START = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
#: Rounds of the event loop without news after which everybody is waiting for the scheduler.
QUIET_ROUNDS = 3

_process: ContextVar[str] = ContextVar("process", default="world")


@define(eq=False)
class Call:
    """A port call that waits to be let through."""

    process: str
    what: str
    turn: asyncio.Future[None]


@define(eq=False)
class World:
    """The clock, the dice, the calls that wait, and the tasks of each process."""

    seed: int
    now: datetime = START
    trace: list[str] = field(factory=list)
    calls: list[Call] = field(factory=list)
    tasks: dict[str, list[asyncio.Task[Any]]] = field(factory=dict)
    skew: dict[str, timedelta] = field(factory=dict)
    random: Random = field(init=False)
    _news: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.random = Random(self.seed)

    def new_id(self) -> UUID:
        """Ids are dice, too: nothing may differ between two runs of a seed."""
        return UUID(int=self.random.getrandbits(128), version=4)

    def clock(self, process: str) -> datetime:
        """The time on this process's machine."""
        return self.now + self.skew.get(process, timedelta(0))

    def tell(self, line: str) -> None:
        """One line of the story."""
        self.trace.append(f"{self.now - START}  {line}")

    async def step(self, process: str, what: str) -> None:
        """A port call asks to be let through; it may be cancelled (the process dies) or fail (an outage) instead."""
        call = Call(process, what, asyncio.get_running_loop().create_future())
        self.calls.append(call)
        self._news += 1
        try:
            await call.turn
        finally:
            if call in self.calls:
                self.calls.remove(call)

    def let_through(self, call: Call, error: Exception | None = None) -> None:
        """The call happens now, or fails before it does."""
        self.calls.remove(call)
        self.tell(f"{call.process}: {call.what}" + ("" if error is None else f" fails: {type(error).__name__}"))
        if error is None:
            call.turn.set_result(None)
        else:
            call.turn.set_exception(error)

    def spawn(self, process: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Starts work in a process; whatever it starts in turn dies with the process, too."""
        token = _process.set(process)
        try:
            return asyncio.get_running_loop().create_task(work)
        finally:
            _process.reset(token)

    def adopt(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        """The event loop's task factory: a task belongs to the process that made it."""
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        mine = self.tasks.setdefault(_process.get(), [])
        mine[:] = [other for other in mine if not other.done()]
        mine.append(task)
        return task

    async def kill(self, process: str) -> None:
        """What kill -9 does: no more calls, no goodbye. Open transactions end without a commit."""
        self.tell(f"{process}: killed")
        for task in self.tasks.pop(process, []):
            task.cancel()
        await self.settle()

    async def settle(self) -> None:
        """Until everybody waits for the scheduler, for each other, or is done."""
        quiet = 0
        while quiet < QUIET_ROUNDS:
            before = self._news
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._news == before else 0

    def busy(self, process: str) -> int:
        """How many tasks of a process are not done."""
        return sum(1 for task in self.tasks.get(process, []) if not task.done())
