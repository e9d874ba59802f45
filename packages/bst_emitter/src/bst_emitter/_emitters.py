"""The two that do the sending: one that blocks, one for asyncio. All decisions are in ``delivering``."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, assert_never
from uuid import uuid4

import httpx

from bst_emitter._delivery import Answer, Attempt, NoAnswer, Patience, Pause, Result, delivering
from bst_emitter._envelope import Envelope
from bst_emitter._signing import Target

#: The request did not leave: nobody can have done anything.
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def _now() -> datetime:
    return datetime.now(UTC)


def _nonce() -> str:
    return str(uuid4())


class Emitter:
    """Sends envelopes to one target. Threads may share one.

    ``http`` is a client of yours, which you close; without one the emitter has its own and closes it. No exception of the network
    passes through: each ends as Undelivered.
    """

    def __init__(
        self,
        target: Target,
        *,
        patience: Patience | None = None,
        http: httpx.Client | None = None,
        now: Callable[[], datetime] = _now,
        new_nonce: Callable[[], str] = _nonce,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._target = target
        self._patience = patience or Patience()
        self._http = httpx.Client() if http is None else http
        self._is_own = http is None
        self._now, self._new_nonce, self._sleep = now, new_nonce, sleep

    def send(self, envelope: Envelope) -> Result:
        """Sends until there is a final answer or patience has ended."""
        steps = delivering(envelope, self._target, self._patience, now=self._now, new_nonce=self._new_nonce)
        heard: Answer | NoAnswer | None = None
        while True:
            try:
                step = steps.send(heard)
            except StopIteration as ended:
                result: Result = ended.value
                return result
            match step:
                case Attempt():
                    heard = self._ask(step)
                case Pause(seconds=seconds):
                    self._sleep(seconds)
                    heard = None
                case _:
                    assert_never(step)

    def _ask(self, attempt: Attempt) -> Answer | NoAnswer:
        try:
            return _heard(self._http.send(_request(self._http, attempt)))
        except httpx.HTTPError as error:
            return _not_heard(error)

    def close(self) -> None:
        """Closes the client that the emitter made."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncEmitter:
    """The same for asyncio; tasks may share one."""

    def __init__(
        self,
        target: Target,
        *,
        patience: Patience | None = None,
        http: httpx.AsyncClient | None = None,
        now: Callable[[], datetime] = _now,
        new_nonce: Callable[[], str] = _nonce,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._target = target
        self._patience = patience or Patience()
        self._http = httpx.AsyncClient() if http is None else http
        self._is_own = http is None
        self._now, self._new_nonce, self._sleep = now, new_nonce, sleep

    async def send(self, envelope: Envelope) -> Result:
        """Sends until there is a final answer or patience has ended."""
        steps = delivering(envelope, self._target, self._patience, now=self._now, new_nonce=self._new_nonce)
        heard: Answer | NoAnswer | None = None
        while True:
            try:
                step = steps.send(heard)
            except StopIteration as ended:
                result: Result = ended.value
                return result
            match step:
                case Attempt():
                    heard = await self._ask(step)
                case Pause(seconds=seconds):
                    await self._sleep(seconds)
                    heard = None
                case _:
                    assert_never(step)

    async def _ask(self, attempt: Attempt) -> Answer | NoAnswer:
        try:
            return _heard(await self._http.send(_request(self._http, attempt)))
        except httpx.HTTPError as error:
            return _not_heard(error)

    async def close(self) -> None:
        """Closes the client that the emitter made."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _request(http: httpx.Client | httpx.AsyncClient, attempt: Attempt) -> httpx.Request:
    return http.build_request(
        attempt.method, attempt.url, headers=attempt.headers, content=attempt.content, timeout=attempt.timeout_s
    )


def _heard(answer: httpx.Response) -> Answer:
    return Answer(status=answer.status_code, retry_after=answer.headers.get("retry-after"), content=answer.content)


def _not_heard(error: httpx.HTTPError) -> NoAnswer:
    return NoAnswer(why=f"{type(error).__name__}: {error}", reached=not isinstance(error, _NEVER_LEFT))
