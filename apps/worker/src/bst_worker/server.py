"""Runs the worker until SIGTERM or SIGINT; work in hand is finished first."""

import asyncio
import os
import signal
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import NoReturn

from bst_application.garbage import collect_seldom
from bst_application.settings import BadSettings, settings_from
from bst_telemetry.logs import configure_logs
from bst_telemetry.tracing import traces_from
from bst_worker.wiring import work


def main() -> None:
    """Exit codes: 0 stopped as asked, 1 could not work, 2 wrong settings."""
    try:
        settings = settings_from(os.environ)
        if settings.ops_db_url is None:
            raise BadSettings(
                ["OPS_DB_URL is not set; give the PostgreSQL database, e.g. postgresql://user@host/ops_db"]
            )
        configure_logs("worker", log_format=settings.log_format, level=settings.log_level)
        traces = traces_from(os.environ, service="bst-worker")
    except BadSettings as error:
        _refuse(error)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await work(settings, stop, traces.tracing)

    if sys.platform != "win32":
        # Senders wait for the API, nobody for a worker: where both want the processor, the door goes first.
        os.nice(settings.worker_niceness)
    collect_seldom()
    try:
        with asyncio.Runner(loop_factory=_event_loop()) as runner:
            runner.run(run())
    except BadSettings as error:
        _refuse(error)
    finally:
        traces.close()


def _event_loop() -> Callable[[], AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # there is none for Windows

    return uvloop.new_event_loop


def _refuse(error: BadSettings) -> NoReturn:
    for problem in error.problems:
        print(f"bst worker: {problem}", file=sys.stderr)
    sys.exit(2)
