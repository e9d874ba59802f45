"""What a process counts while it works. Each has a registry of its own, so that two in one process do not mix.

No figure names a booking, a guest or a producer, and every label has few values. docs/operations/metrics.md lists all of them;
a test holds the page to this.
"""

import math
import platform
from collections import Counter as CounterOf
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from attrs import frozen
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bst_application.ports.watching import EventOutcome, Execution
from bst_application.read_replica import ServedBy
from bst_domain.ingest import FailureCode

#: Seconds. The door's goal at low load is 10 ms; a producer gives up after some ten seconds.
ANSWER_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: Seconds, up to beyond the last retry (2 h 42 min after the first execution).
AGE_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 10800.0, 86400.0)
SIZE_BUCKETS = (1, 2, 5, 10, 20, 50, 100)


@frozen(kw_only=True)
class PoolUse:
    """Database connections of this process."""

    in_use: int
    size: int


def process_registry(component: str, pool_use: Callable[[], PoolUse]) -> CollectorRegistry:
    """What every process says: what it is, its memory, CPU and files, its database connections."""
    registry = CollectorRegistry()
    build = Gauge(
        "bst_build_info", "Always 1; the labels say what runs", ["component", "version", "python"], registry=registry
    )
    build.labels(component, version("bst-application"), platform.python_version()).set(1)
    ProcessCollector(registry=registry)
    registry.register(_Pool(pool_use))
    return registry


class _Pool(Collector):
    def __init__(self, pool_use: Callable[[], PoolUse]) -> None:
        self._pool_use = pool_use

    def collect(self) -> Iterator[Any]:
        use = self._pool_use()
        family = GaugeMetricFamily(
            "bst_database_pool_connections", "Database connections of this process", labels=["state"]
        )
        family.add_metric(["in_use"], use.in_use)
        family.add_metric(["limit"], use.size)
        yield family


class DoorInstruments:
    """What the API counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._deliveries = Counter(
            "bst_ingest_deliveries",
            "Deliveries by what became of them: ACCEPTED, REPLAYED, or the refusal's machine string",
            ["outcome"],
            registry=registry,
        )
        self._requests = Histogram(
            "bst_http_request_seconds",
            "Time until the answer began to leave, on the core's own paths",
            ["method", "status"],
            buckets=ANSWER_BUCKETS,
            registry=registry,
        )
        answers = Histogram(
            "bst_ingest_answer_seconds",
            "Time from a delivery at the door to its answer: accepted (new), repeated, refused (4xx) or failed (5xx)",
            ["result"],
            buckets=ANSWER_BUCKETS,
            registry=registry,
        )
        self._answers = {result: answers.labels(result) for result in ("accepted", "repeated", "refused", "failed")}
        # A kept child costs half of one that is looked up by its labels.
        self._kept: dict[tuple[str, int], Histogram] = {}
        self._outcomes = {outcome: self._deliveries.labels(outcome) for outcome in ("ACCEPTED", "REPLAYED")}
        for outcome in ("RATE_LIMITED", "INGEST_WEBHOOK_DISABLED"):  # alerts take these away from all that were refused
            self._deliveries.labels(outcome)  # a series that begins with its first event hides that event from rate()

    def delivery(self, outcome: str, status: int, seconds: float) -> None:
        """One answer of the ingest door."""
        counter = self._outcomes.get(outcome)
        (self._deliveries.labels(outcome) if counter is None else counter).inc()
        if counter is None:
            result = "failed" if status >= 500 else "refused"
        else:
            result = "accepted" if outcome == "ACCEPTED" else "repeated"
        self._answers[result].observe(seconds)

    def answered(self, method: str, status: int, seconds: float) -> None:
        """One answer on a core path."""
        kept = self._kept.get((method, status))
        if kept is None:
            kept = self._kept[method, status] = self._requests.labels(method, str(status))
        kept.observe(seconds)


class ReadInstruments:
    """What is counted of reads that a replica may answer. Without one, all of it stays 0."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reads = Counter(
            "bst_reads", "Reads by who answered them, where there is a read replica", ["by"], registry=registry
        )
        for by in ServedBy:
            self._reads.labels(by.value)
        self._serves = Gauge(
            "bst_read_replica_serves",
            "1 while the read replica answers reads; 0 while it is away or too far behind, or without one",
            registry=registry,
        )
        self._lag = Gauge(
            "bst_read_replica_lag_seconds",
            "How old what the read replica shows may be at most; 0 without one, infinite when nobody knows",
            registry=registry,
        )

    def read(self, by: ServedBy) -> None:
        self._reads.labels(by.value).inc()

    def watch(self, serves: Callable[[], bool], lag_s: Callable[[], float | None]) -> None:
        """Asks these at each look."""

        def lag() -> float:
            known = lag_s()
            return math.inf if known is None else known

        self._serves.set_function(serves)
        self._lag.set_function(lag)


class HandOverInstruments:
    """What is counted of jobs on their way to the queue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._jobs = Counter(
            "bst_jobs_handed_over",
            "Jobs that the queue took: from the door that accepted them, or from the relay because they had stayed behind",
            ["by"],
            registry=registry,
        )
        for by in ("door", "relay"):
            self._jobs.labels(by)

    def from_door(self, jobs: int) -> None:
        self._jobs.labels("door").inc(jobs)

    def from_relay(self, jobs: int) -> None:
        self._jobs.labels("relay").inc(jobs)


class WorkInstruments:
    """ProcessingWatch: what is counted of processing, wherever it is done."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._executions = Counter(
            "bst_events_processed",
            "Executions of events by outcome: DONE, RETRY (tried again later) or DEAD_LETTER",
            ["outcome"],
            registry=registry,
        )
        self._retries = Counter(
            "bst_event_retries", "Executions that failed and are tried again, by reason", ["reason"], registry=registry
        )
        self._letters = Counter(
            "bst_event_dead_letters", "Executions that ended in a dead letter, by reason", ["reason"], registry=registry
        )
        for outcome in EventOutcome:
            self._executions.labels(outcome.value)
        for reason in FailureCode:  # a series that begins with its first event hides that event from rate()
            self._retries.labels(reason.value)
            self._letters.labels(reason.value)
        self._age = Histogram(
            "bst_event_age_at_commit_seconds",
            "From the receipt of an event to the commit that made it DONE; repairs and replays count with all their time",
            buckets=AGE_BUCKETS,
            registry=registry,
        )
        self._group = Histogram(
            "bst_process_group_events", "Events in one processing commit", buckets=SIZE_BUCKETS, registry=registry
        )
        self._commit = Histogram(
            "bst_process_commit_seconds",
            "Time of one processing transaction, from before the claim to after the commit",
            buckets=ANSWER_BUCKETS,
            registry=registry,
        )
        self._conflicts = Counter(
            "bst_process_conflicts",
            "Processing transactions that lost to another one (deadlock, lock time-out, a row that appeared)",
            registry=registry,
        )
        self._replays = Counter(
            "bst_replays", "Replays that ended, by result: succeeded or failed", ["result"], registry=registry
        )
        for result in ("succeeded", "failed"):
            self._replays.labels(result)

    def committed(self, executions: Sequence[Execution], *, seconds: float) -> None:
        for outcome, count in CounterOf(one.outcome for one in executions).items():
            self._executions.labels(outcome.value).inc(count)
        for one in executions:
            if one.outcome is EventOutcome.DONE:
                self._age.observe(max(0.0, (one.ended_at - one.received_at).total_seconds()))
            elif one.reason is not None:
                family = self._retries if one.outcome is EventOutcome.RETRY else self._letters
                family.labels(one.reason.value).inc()
        self._group.observe(len(executions))
        self._commit.observe(seconds)

    def replays_ended(self, *, succeeded: int, failed: int) -> None:
        self._replays.labels("succeeded").inc(succeeded)
        self._replays.labels("failed").inc(failed)

    def conflicted(self) -> None:
        self._conflicts.inc()


class WorkerInstruments:
    """What only a worker counts: the queue that it consumes, and retention."""

    def __init__(self, registry: CollectorRegistry, *, retention: bool) -> None:
        self._consuming = Gauge(
            "bst_worker_consuming", "1 while this worker takes jobs of the queue", registry=registry
        )
        self._jobs = Counter("bst_worker_jobs", "Jobs that this worker took from the queue", registry=registry)
        self._runs = Counter(
            "bst_retention_runs",
            "Runs of retention by result: done, skipped (another ran) or failed",
            ["result"],
            registry=registry,
        )
        for result in ("done", "skipped", "failed"):
            self._runs.labels(result)
        self._forgotten = Counter(
            "bst_retention_forgotten_rows",
            "Rows that retention deleted, by what they were",
            ["kept"],
            registry=registry,
        )
        if retention:
            self._last_run = Gauge(
                "bst_retention_last_success_timestamp_seconds",
                "When this worker's last run of retention ended well, as Unix time; 0 before the first, absent where it is off",
                registry=registry,
            )

    @contextmanager
    def consuming(self) -> Iterator[None]:
        """The block takes jobs."""
        self._consuming.set(1)
        try:
            yield
        finally:
            self._consuming.set(0)

    def took_job(self) -> None:
        self._jobs.inc()

    def retention_ran(self, result: str, forgotten: Mapping[str, int]) -> None:
        """``result``: done, skipped or failed."""
        self._runs.labels(result).inc()
        for kept, rows in forgotten.items():
            self._forgotten.labels(kept).inc(rows)
        if result == "done":
            self._last_run.set_to_current_time()
