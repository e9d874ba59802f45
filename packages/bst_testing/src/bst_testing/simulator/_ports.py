"""The ports as one process sees them: every call stops at the scheduler first."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from attrs import define, field

from bst_application.errors import Unavailable
from bst_application.ports.bookings import BookingChange, FailedEvent
from bst_application.ports.event_log import Group, NewEvent, Stored
from bst_application.ports.queue import Job
from bst_domain.values import BookingIdentity
from bst_testing.fakes.storage import MemoryStorage
from bst_testing.simulator._world import World


def about(arguments: tuple[Any, ...]) -> str:
    """What a call is about, in a few words: keys of events, references of bookings, the ends of ids."""
    words: list[str] = []
    for argument in arguments:
        for item in argument if isinstance(argument, list | tuple) else [argument]:
            match item:
                case NewEvent():
                    words.append(f"key={item.idempotency_key}")
                case BookingIdentity() | BookingChange(identity=BookingIdentity()):
                    words.append((item if isinstance(item, BookingIdentity) else item.identity).ref)
                case Job():
                    words.append(
                        f"job …{item.id[-4:]} with {' '.join(f'…{str(event)[-4:]}' for event in item.event_ids)}"
                    )
                case FailedEvent():
                    words.append(f"…{str(item.event.event_id)[-4:]} {type(item.then).__name__}: {item.detail}")
                case UUID() | str():
                    words.append(f"…{str(item)[-4:]}" if isinstance(item, UUID) else item[:40])
                case _:
                    pass
    return " ".join(words)


class Stepping:
    """Any port or transaction: the same methods, each with a stop before it."""

    def __init__(self, target: object, step: Callable[[str], Awaitable[None]]) -> None:
        self._target = target
        self._step = step

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._target, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            await self._step(f"{name} {about(arguments)}".rstrip())
            return await method(*arguments, **named)

        return call


class SteppingStorage(Stepping):
    """EventLog, StagedJobs and BookingStore of one process. There is a stop on each side of a commit, too."""

    def __init__(self, storage: MemoryStorage, world: World, process: str) -> None:
        async def step(what: str) -> None:
            await world.step(process, what)

        super().__init__(storage, step)
        self._storage = storage

    async def store(self, group: Group) -> Stored:
        """EventLog.store."""
        await self._step(f"store {about(([event for _, event in group.events],))}".rstrip())
        stored = await self._storage.store(group)
        await self._step("store: committed")
        return stored

    @asynccontextmanager
    async def processing(self) -> AsyncIterator[Any]:
        await self._step("processing: begin")
        async with self._storage.processing() as transaction:
            yield Stepping(transaction, self._step)
            await self._step("processing: commit")
        await self._step("processing: committed")

    @asynccontextmanager
    async def repairing(self) -> AsyncIterator[Any]:
        await self._step("repairing: begin")
        async with self._storage.repairing() as transaction:
            yield Stepping(transaction, self._step)
            await self._step("repairing: commit")
        await self._step("repairing: committed")

    @asynccontextmanager
    async def operating(self) -> AsyncIterator[Any]:
        await self._step("operating: begin")
        async with self._storage.operating() as transaction:
            yield Stepping(transaction, self._step)
            await self._step("operating: commit")
        await self._step("operating: committed")


@define(eq=False)
class Broker:
    """A queue that can be down, deliver twice, and lose everything."""

    name: str = "simulated"
    down: bool = False
    waiting: deque[Job] = field(factory=deque)

    async def enqueue(self, job: Job) -> None:
        """JobQueue.enqueue."""
        if self.down:
            raise Unavailable("the queue is down")
        if all(other.id != job.id for other in self.waiting):
            self.waiting.append(job)
