"""What Prometheus sees: this process's answers, and what the database and the queue say at the moment of the look.

No figure names a booking, a guest or a producer's key, and every label has few values, so the page needs no token.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from attrs import frozen
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.cutover import ConflictCounter
from bst_application.ports.queue import JobQueue
from bst_application.ports.reading import DatabaseProbe, IngestReader

LOOK_WITHIN_S = 3.0

Family = GaugeMetricFamily


@frozen(kw_only=True)
class Scrape:
    """One look at everything. What does not answer is said to be down and left out; the page itself always comes."""

    registry: CollectorRegistry
    events: IngestReader
    conflicts: ConflictCounter
    queue: JobQueue
    probe: DatabaseProbe
    flags: Callable[[], Iterable[tuple[str, bool]]]
    now: Callable[[], datetime]

    async def __call__(self) -> tuple[bytes, str]:
        """The page and its media type."""
        families = [self._flags()]
        for made in await asyncio.gather(
            _or_down("bst_database_up", "Whether the operational database answers", self._stored()),
            _or_down("bst_queue_up", "Whether the queue's broker answers", self._queued()),
        ):
            families += made
        looked = CollectorRegistry()
        looked.register(_Given(families))
        return generate_latest(self.registry) + generate_latest(looked), CONTENT_TYPE_LATEST

    def _flags(self) -> Family:
        family = Family("bst_flag_on", "Switches: 1 is on", labels=["flag"])
        for name, on in self.flags():
            family.add_metric([name], int(on))
        return family

    async def _stored(self) -> list[Family]:
        check = await self.probe.check()
        if not check.reachable:
            raise Unavailable(check.error or "the database does not answer")
        now = self.now()
        backlog = await self.events.backlog(now=now)
        families = [
            _one(
                "bst_events_waiting",
                "Accepted events that are not processed yet, delayed ones included",
                backlog.waiting,
            ),
            _one("bst_events_due", "Accepted events that should be processed by now", backlog.due),
            _one("bst_events_waiting_for_retry", "Events between two tries", backlog.delayed),
            _one("bst_jobs_staged", "Jobs that the queue has not taken yet", backlog.staged_jobs),
            _one(
                "bst_oldest_waiting_event_seconds",
                "Age of the oldest unprocessed event, delayed ones included; 0 of none",
                0.0 if backlog.oldest_receipt is None else max(0.0, (now - backlog.oldest_receipt).total_seconds()),
            ),
            _one(
                "bst_oldest_due_event_seconds",
                "How long the most overdue event has been due; 0 of none",
                0.0 if backlog.oldest_due is None else max(0.0, (now - backlog.oldest_due).total_seconds()),
            ),
        ]
        letters = Family("bst_dead_letters", "Dead letters", labels=["reason", "source", "status"])
        for group in await self.events.dead_letter_groups():
            for status, count in sorted(group.by_status.items()):
                letters.add_metric([group.reason_code, group.source, status], count)
        waiting = await self.conflicts.conflict_counts(now=now)
        return [
            *families,
            letters,
            _one("bst_conflicts_open", "Conflicts of dual write that wait for a decision", waiting.open),
            _one("bst_conflicts_overdue", "Those of them that should be decided by now", waiting.overdue),
            _one(
                "bst_conflicts_over_a_day", "Those that have waited for over 24 hours: no batch runs", waiting.blocking
            ),
        ]

    async def _queued(self) -> list[Family]:
        counts = await self.queue.counts()
        jobs = Family("bst_queue_jobs", "Jobs at the broker", labels=["state"])
        for state in ("waiting", "active", "delayed", "completed", "failed", "paused"):
            jobs.add_metric([state], getattr(counts, state))
        return [jobs]


async def _or_down(name: str, help_text: str, look: Awaitable[list[Family]]) -> list[Family]:
    try:
        async with asyncio.timeout(LOOK_WITHIN_S):
            found = await look
    except (Unavailable, Conflict, TimeoutError):
        return [_one(name, help_text, 0)]
    return [_one(name, help_text, 1), *found]


def _one(name: str, help_text: str, value: float) -> Family:
    return Family(name, help_text, value=value)


class _Given(Collector):
    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Any]:
        yield from self._families
