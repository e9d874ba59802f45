"""Runs the worker until SIGTERM or SIGINT; work in hand is finished first."""

import asyncio
import logging
import os
import signal
import sys

from bst_application.settings import BadSettings, settings_from
from bst_worker.wiring import work


def main() -> None:
    """Exit codes: 0 stopped as asked, 1 could not work, 2 wrong settings."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        settings = settings_from(os.environ)
        if settings.ops_db_url is None:
            raise BadSettings(
                ["OPS_DB_URL is not set; give the PostgreSQL database, e.g. postgresql://user@host/ops_db"]
            )
    except BadSettings as error:
        for problem in error.problems:
            print(f"bst worker: {problem}", file=sys.stderr)
        sys.exit(2)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await work(settings, stop)

    asyncio.run(run())
