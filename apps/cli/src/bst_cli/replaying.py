"""Replaying many dead letters through the API, and watching until the last one has ended."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from bst_cli.administering import Admin
from bst_cli.trouble import Trouble

LOOK_EVERY_S = 0.5
FILTERS = ("status", "reasonCode", "source", "ref", "from", "to")


def filter_of(pairs: Sequence[str]) -> dict[str, str]:
    """``("source=GYG", …)`` as the API takes it. Raises Trouble."""
    made: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in FILTERS:
            raise Trouble(f"--filter {pair!r} cannot be used", f"Write NAME=VALUE; the names are {', '.join(FILTERS)}.")
        made[name] = value
    return made


def watch(admin: Admin, job: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Looks until every replay has ended; returns the job as it is then. Stopping to look does not stop the job."""
    while True:
        tell(job)
        if job["state"] == "DONE" and not job["deadLetters"]["REPLAYING"]:
            return job
        time.sleep(LOOK_EVERY_S)
        job = admin.call("GET", f"/v1/jobs/{job['jobId']}")


def ended(job: dict[str, Any]) -> int:
    """How many of a job's items are settled and not on their way any more."""
    on_the_way: int = job["deadLetters"]["REPLAYING"]
    settled: int = job["total"] - job["pending"]
    return settled - on_the_way
