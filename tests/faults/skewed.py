"""``python -m tests.faults.skewed api|worker SECONDS [PORT]``: the real composition with a clock that is wrong by so much.

Production has no such setting: its clock is an argument of the composition, and this launcher passes another one.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import uvicorn

from bst_application.settings import settings_from
from bst_core_api.wiring import build
from bst_worker.wiring import work


def main(what: str, seconds: str, port: str = "0") -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    settings, skew = settings_from(os.environ), timedelta(seconds=float(seconds))

    def now() -> datetime:
        return datetime.now(UTC) + skew

    if what == "api":
        app = build(settings, now=now)
        uvicorn.run(app, port=int(port), log_level="warning", access_log=False, date_header=False)
    else:
        asyncio.run(_work_until_told(lambda stop: work(settings, stop, now=now)))


async def _work_until_told(working: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await working(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
