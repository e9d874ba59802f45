"""``python -m tests.interop.show``: a dashboard, a worker and a producer written for Node, on BST's queue and at its door.

Needs Node and ``npm ci`` in this folder; without them it says so and ends with 0. Redis and PostgreSQL are those of the tests.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from bst_application.ids import uuid7
from bst_application.ports.queue import Job
from bst_bullmq.redis_queue import RedisJobQueue
from bst_domain.values import EventId
from bst_postgres.migrate import upgrade
from bst_testing.deliveries import body
from tests.faults.system import System, a_system, line_of, until
from tests.interop.recipe import TSC, recipe_signs_and_sends
from tests.servers import has_redis, run_postgres, run_redis

HERE = Path(__file__).parent
QUEUE = "ingest-bookings-events"


def missing() -> str | None:
    """What this machine has not got, as a sentence."""
    if shutil.which("node") is None:
        return "Node is not on PATH"
    if not ((HERE / "node_modules" / "bullmq").exists() and TSC.exists()):
        return f"the packages are not installed; run `npm ci` in {HERE}"
    return None if has_redis() else "there is no redis-server"


def node(redis_url: str, what: str, argument: str = "") -> Any:
    """Runs a command of show.mjs, and shows what it answers."""
    done = subprocess.run(
        ["node", str(HERE / "show.mjs"), what, argument],
        env={**os.environ, "REDIS_URL": redis_url, "QUEUE": QUEUE},
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(f"node {what:<6} {done.stdout.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


async def queue_is_seen_and_run(redis_url: str) -> None:
    """Python enqueues; the Queue API and the dashboard see it; a worker for Node completes one job and fails another."""
    queue = RedisJobQueue(redis_url, QUEUE)
    jobs = [Job(str(uuid7()), tuple(EventId(uuid7()) for _ in range(events))) for events in (1, 2, 3)]
    for job in jobs:
        await queue.enqueue(job)
    later = json.dumps({"data": {"eventIds": [str(uuid7())]}, "options": {"jobId": "later", "delay": 3_600_000}})
    await asyncio.to_thread(node, redis_url, "put", later)
    counts = await queue.counts()
    assert (counts.waiting, counts.delayed) == (3, 1), counts

    seen = await asyncio.to_thread(node, redis_url, "look")
    assert (seen["counts"]["waiting"], seen["counts"]["delayed"]) == (3, 1)
    ours = {job["id"]: job["data"] for job in seen["jobs"] if job["state"] == "waiting"}
    assert ours == {job.id: {"eventIds": [str(event) for event in job.event_ids]} for job in jobs}
    board = await asyncio.to_thread(node, redis_url, "board")
    [shown] = board["queues"]
    assert (board["status"], shown["name"]) == (200, QUEUE)
    assert (shown["counts"]["waiting"], shown["counts"]["delayed"]) == (3, 1)

    done = await asyncio.to_thread(node, redis_url, "work")
    assert done["returned"]["by"] == "node"
    failed = await asyncio.to_thread(node, redis_url, "fail")
    assert failed["state"] == "failed"
    counts = await queue.counts()
    assert counts.waiting + counts.completed + counts.failed == len(jobs)
    assert counts.completed >= 1
    assert counts.failed >= 1
    await queue.close()


async def jobs_of_others_are_run(system: System, redis_url: str) -> None:
    """A worker for Node takes a real job away; a producer for Node gives it back, delayed, and the real worker does it."""
    [worker] = system.workers
    worker.signal(signal.SIGSTOP)
    await system.send([line_of(body(), "key-1")])
    [(event,)] = await system.rows("select event_key::text from ingest_event_log")
    taken = await asyncio.to_thread(node, redis_url, "work")
    assert taken["returned"] == {"by": "node", "events": 1}
    assert await system.count("ingest_event_log where process_status = 'RECEIVED'") == 1  # a wake-up that nobody heard
    worker.signal(signal.SIGCONT)
    ours = {"data": {"eventIds": [event]}, "options": {"jobId": "from-node", "delay": 500}}
    ended = await asyncio.to_thread(node, redis_url, "add", json.dumps(ours))
    assert (ended["before"], ended["after"]) == ("delayed", "completed")
    assert await system.count("ingest_event_log where process_status = 'DONE'") == 1

    retried = {"data": {"eventIds": "nonsense"}, "options": {"attempts": 3, "backoff": {"type": "fixed", "delay": 200}}}
    failed = await asyncio.to_thread(node, redis_url, "add", json.dumps(retried))
    assert (failed["after"], failed["attemptsMade"]) == ("failed", 3)
    assert failed["reason"] == "data.eventIds must be a list of UUIDs"


async def show() -> None:
    with run_redis() as redis_url:
        await queue_is_seen_and_run(redis_url)
    with run_redis() as redis_url, run_postgres() as server:
        dsn = server.create("ops")
        await asyncio.to_thread(upgrade, dsn)
        async with a_system(dsn=dsn, redis_url=redis_url, bugs=True) as system:
            await jobs_of_others_are_run(system, redis_url)
            await asyncio.to_thread(recipe_signs_and_sends, system.urls[0])
            await until(lambda: nothing_waits(system), "the end of the backlog")


async def nothing_waits(system: System) -> bool:
    return await system.count("ingest_staged_job") == 0


def main() -> None:
    if (why := missing()) is not None:
        print(f"interop: skipped, for {why}")
        return
    asyncio.run(show())
    print("interop: programs for Node see and run the queue, and send to it")


if __name__ == "__main__":
    main()
