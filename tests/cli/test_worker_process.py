"""What the worker is to the machine that it runs on."""

import os
import subprocess
import sys
from functools import partial

from tests.cli.stack import environment, until

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def test_a_worker_gives_way_to_the_api_as_far_as_it_is_told() -> None:
    environ = {
        **environment(),
        "OPS_DB_URL": NOWHERE,
        "INGEST_REDIS_URL": "redis://127.0.0.1:1/0",
        "BST_WORKER_NICENESS": "7",
    }
    own = os.getpriority(os.PRIO_PROCESS, 0)
    worker = subprocess.Popen([sys.executable, "-m", "bst_worker"], env=environ, stderr=subprocess.DEVNULL)
    try:
        until(partial(_has_priority, worker.pid, min(own + 7, 19)), "the worker's priority")
    finally:
        worker.kill()
        worker.wait()


def _has_priority(pid: int, priority: int) -> bool:
    return os.getpriority(os.PRIO_PROCESS, pid) == priority
