"""A backlog: events that were accepted while no worker ran, and then two workers.

All by the product's own commands: the API takes the events, the workers are stopped meanwhile, and started again when all are in.
"""

import time
from typing import Any

import psycopg

from benchmarks.rig import peer
from benchmarks.rig.run import CONNECTIONS, DRAINED_WITHIN_S, ROLES, warm
from benchmarks.rig.stack import Stack

_DRAINED = """
select extract(epoch from min(processed_at))::float, count(*) from ingest_event_log
where process_status = 'DONE' and processed_at > to_timestamp(%s)
"""


def drain_backlog(load: peer.Load, *, workers: int, warm_up: int) -> dict[str, Any]:
    """On an empty database. Draining lasts from the beginning of the first group until nothing is left in the log."""
    with Stack() as stack, psycopg.connect(peer.database_url(), autocommit=True) as db:
        stack.start(apis=1, workers=1)
        warm(stack, db, warm_up)
        stack.stop_workers()
        _, _, _, answers = peer.shoot(load, stack.ports, CONNECTIONS)
        db.execute("analyze")
        before, started = stack.cpu(), time.time()
        stack.start_workers(workers)
        drained = peer.drain(db, stack.target, DRAINED_WITHIN_S)
        ended, after = time.time(), stack.cpu()
        # An event's processed_at is when its group was begun, by the same clock.
        row = db.execute(_DRAINED, (started,)).fetchone()
        assert row is not None
        first, done = row
        cpu = {role: round(after[role] - before[role], 2) for role in ROLES}
        return {
            "workers": workers,
            "events": load.unique,
            "done_s": round(done / (ended - first)),
            "start_up_s": round(first - started, 2),
            "draining_s": round(ended - first, 2),
            "drained": drained,
            "cpu_s": cpu,
            "others_cpu_s": round(after["machine"] - before["machine"] - sum(cpu.values()), 2),
            "left_before": load.unique - done,
            **peer.verify(db, load, answers),
        }
