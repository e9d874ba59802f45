"""Group commit: whoever waits while a commit is under way shares the next one.

No timer unless asked for, so nobody waits for company.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class GroupCommit(Generic[Request, Answer]):
    """Runs ``flush`` over groups of requests. At most ``flushers`` groups are under way.

    A group's requests weigh at most ``most`` together, one each unless ``weigh`` says otherwise; a heavier one goes alone.
    For work that nobody watches, a group begins ``apart_s`` after the one before it at the earliest, or as soon as ``crowd``
    requests wait; after a pause of that length the next request still goes at once.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Request]], Awaitable[Sequence[Answer]]],
        *,
        most: int = 128,
        flushers: int = 2,
        waiting_limit: int = 4096,
        weigh: Callable[[Request], int] = lambda _: 1,
        apart_s: float = 0.0,
        crowd: int = 1,
    ) -> None:
        self._flush = flush
        self._weigh = weigh
        self._most = most
        self._flushers = flushers
        self._waiting_limit = waiting_limit
        self._waiting: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._apart_s = apart_s
        self._crowd = crowd
        self._crowded = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether so many wait that another one had better come back later."""
        return len(self._waiting) >= self._waiting_limit

    async def __call__(self, request: Request) -> Answer:
        """The answer of the group that the request got into; raises what its flush raised."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if len(self._waiting) >= self._crowd:
            self._crowded.set()
        if len(self._running) < self._flushers:
            self._running.add(asyncio.create_task(self._run()))
        return await answer

    async def close(self) -> None:
        """Waits until everything that is in has its answer."""
        while self._running:
            await asyncio.gather(*self._running)

    async def _run(self) -> None:
        try:
            while self._waiting:
                begun = asyncio.get_running_loop().time()
                await self._flush_some()
                if self._apart_s:
                    await self._come_together(begun + self._apart_s)
        finally:
            # Here rather than in a done callback: a task that is done is out of the set, so ``close`` never waits for it.
            task = asyncio.current_task()
            assert task is not None
            self._running.discard(task)

    async def _come_together(self, until: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._crowded.wait()

    async def _flush_some(self) -> None:
        group = [self._waiting.popleft()]
        weight = self._weigh(group[0][0])
        while self._waiting and (weight := weight + self._weigh(self._waiting[0][0])) <= self._most:
            group.append(self._waiting.popleft())
        if len(self._waiting) < self._crowd:
            self._crowded.clear()
        try:
            answers = await self._flush([request for request, _ in group])
        except Exception as error:
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), result in zip(group, answers, strict=True):
            if not answer.done():  # the caller may have gone
                answer.set_result(result)
