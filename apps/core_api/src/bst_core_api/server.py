"""Runs the API with uvicorn: httptools and uvloop, no access log, a clean end on SIGTERM and SIGINT."""

import argparse
import logging
import os
import sys

import uvicorn

from bst_application.flags import Flag
from bst_application.garbage import collect_seldom
from bst_application.settings import BadSettings, settings_from
from bst_core_api.connections import KEEP_ALIVE_S, BoundedConnection
from bst_core_api.wiring import build
from bst_telemetry.logs import configure_logs
from bst_telemetry.tracing import traces_from

#: A request that is still running this long after SIGTERM is cut off.
SHUTDOWN_WITHIN_S = 10


def main() -> None:
    """Exit codes: 0 stopped as asked, 1 could not work, 2 wrong usage or settings."""
    parser = argparse.ArgumentParser(prog="bst api", description="The API process of BST.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default PORT, else 4000)")
    arguments = parser.parse_args()
    try:
        settings = settings_from(os.environ)
        if settings.ops_db_url is None:
            raise BadSettings(
                ["OPS_DB_URL is not set; give the PostgreSQL database, e.g. postgresql://user@host/ops_db"]
            )
        configure_logs("api", log_format=settings.log_format, level=settings.log_level)
        traces = traces_from(os.environ, service="bst-api")
        app = build(settings, traces.tracing)
    except BadSettings as error:
        for problem in error.problems:
            print(f"bst api: {problem}", file=sys.stderr)
        sys.exit(2)
    for name in settings.generated:
        logging.getLogger(__name__).warning("%s is unset: a random one holds until this process ends", name)
    port = settings.port if arguments.port is None else arguments.port
    log = logging.getLogger(__name__)
    for flag in (Flag.WEBHOOK, Flag.QUEUE):
        if not settings.begins_on(flag):
            log.warning("%s is off in the environment", flag)
    log.info("the API listens on http://%s:%d", arguments.host, port)
    collect_seldom()
    uvicorn.run(
        app,
        host=arguments.host,
        port=port,
        log_config=None,  # its lines are ours
        access_log=False,
        http=BoundedConnection,
        ws="none",
        proxy_headers=False,  # BST_TRUSTED_PROXIES says whom to believe; uvicorn would believe everybody on this machine
        timeout_keep_alive=KEEP_ALIVE_S,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=SHUTDOWN_WITHIN_S,
        backlog=2048,
    )
    traces.close()
