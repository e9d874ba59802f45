"""Background work that repeats, and outlives every outage of what it works on."""

import asyncio
import logging
from asyncio import Event
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bst_application.errors import Conflict, Unavailable

_log = logging.getLogger(__name__)


async def periodically(
    name: str,
    work: Callable[[], Awaitable[int]],
    *,
    every_s: float,
    stop: Event,
    busy: Callable[[int], bool] = bool,
    at_once: bool = True,
) -> None:
    """Runs ``work`` until ``stop`` is set: at once again while ``busy`` says there is more to do, else after a pause.

    Without ``at_once`` it begins with a pause.

    An outage is logged when it begins and when it ends; anything unexpected is logged and does not end the loop.
    """
    down = False
    if not at_once:
        await _pause(stop, every_s)
    while not stop.is_set():
        try:
            result = await work()
        except (Unavailable, Conflict) as error:
            if not down:
                _log.warning("%s waits: %s", name, error)
            down, more = True, False
        except Exception:
            _log.exception("%s failed; it goes on", name)
            more = False
        else:
            if down:
                _log.info("%s works again", name)
            down, more = False, busy(result)
        if not more:
            await _pause(stop, every_s)


async def _pause(stop: Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def while_on(
    name: str,
    is_on: Callable[[], bool],
    work: Callable[[Event], Awaitable[None]],
    *,
    stop: Event,
    look_every_s: float = 0.5,
) -> None:
    """Runs ``work`` while ``is_on`` says so, until ``stop`` is set; the event that ``work`` gets ends one such time.

    ``work`` is expected to end soon after its event is set, and not before.
    """
    while not stop.is_set():
        if not is_on():
            _log.info("%s is off; accepted events wait in the log", name)
        while not (is_on() or stop.is_set()):
            await _pause(stop, look_every_s)
        if stop.is_set():
            return
        _log.info("%s is on", name)
        off = Event()
        working = asyncio.ensure_future(work(off))
        while is_on() and not (stop.is_set() or working.done()):
            await _pause(stop, look_every_s)
        off.set()
        await working
