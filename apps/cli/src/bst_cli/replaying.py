"""Replaying many dead letters through the API, and watching until the last one has ended."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from bst_application.flags import Flag
from bst_cli.administering import Admin
from bst_cli.trouble import Trouble

LOOK_EVERY_S = 0.5
STALLED_AFTER_S = 5.0
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


def watch(
    admin: Admin,
    job: dict[str, Any],
    tell: Callable[[dict[str, Any]], None],
    *,
    stalled: Callable[[str], None] = lambda _why: None,
    stalled_after_s: float = STALLED_AFTER_S,
) -> dict[str, Any]:
    """Looks until every replay has ended; returns the job as it is then. Stopping to look does not stop the job.

    ``stalled`` gets a hint, once each time nothing has moved for ``stalled_after_s``.
    """
    seen, moved, hinted = None, time.monotonic(), False
    while True:
        tell(job)
        now = (job["state"], job["pending"], job["deadLetters"])
        if now != seen:
            seen, moved, hinted = now, time.monotonic(), False
        elif not hinted and time.monotonic() - moved >= stalled_after_s:
            hinted = True
            stalled(why_stalled(admin))
        if job["state"] == "DONE" and not job["deadLetters"]["REPLAYING"]:
            return job
        time.sleep(LOOK_EVERY_S)
        job = admin.call("GET", f"/v1/jobs/{job['jobId']}")


def why_stalled(admin: Admin) -> str:
    """What may hold a job up, by the flags and the queue. Raises Trouble."""
    off = {flag["name"] for flag in admin.call("GET", "/v1/flags") if flag["value"] == "false"}
    for name, meaning in (
        (Flag.QUEUE.value, "accepted events wait in the log"),
        (Flag.REPLAY.value, "nothing is replayed"),
    ):
        if name in off:
            return f'nothing moves: {name} is off, {meaning}. `bst flags set {name} true --reason "…"` turns it on.'
    queue = admin.call("GET", "/v1/ingest/metrics/queue")["queue"]
    if not queue["connected"]:
        return "nothing moves: the queue does not answer, so that events wait for a worker's sweep."
    counts = ", ".join(f"{queue[state]} {state}" for state in ("waiting", "active", "delayed"))
    return (
        f"nothing moves; in the queue: {counts}. Does a worker run? Start `bst worker`, or see its log;"
        " the job goes on by itself."
    )


def ended(job: dict[str, Any]) -> int:
    """How many of a job's items are settled and not on their way any more."""
    on_the_way: int = job["deadLetters"]["REPLAYING"]
    settled: int = job["total"] - job["pending"]
    return settled - on_the_way
