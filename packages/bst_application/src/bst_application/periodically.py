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
