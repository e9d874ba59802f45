"""Retention: one runner at a time, in small commits, and nothing that is still to do is ever touched.

Source of the rules: semantics 7; the table is ``bst_domain.ingest.RETENTION``. The queue forgets its own jobs, by the same table.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.retention import RetentionStore
from bst_application.settings import Settings
from bst_domain.ingest import RETENTION, Kept

#: What a database keeps; in this order, so that an event's dead letters go before the event.
IN_STORAGE = (
    *(Kept.NONCE, Kept.DEAD_LETTER, Kept.UNMAPPED, Kept.EVENT),
    *(OF_CUTOVER := (Kept.COMPARED_ROW, Kept.DUAL_WRITE, Kept.SHADOW_TALLY)),
)
AT_ONCE = 1000


def retention_periods(settings: Settings) -> dict[Kept, timedelta]:
    """The periods that an operator has set."""
    return {
        Kept.NONCE: timedelta(minutes=settings.nonce_ttl_minutes),
        Kept.EVENT: timedelta(days=settings.idempotency_ttl_days),
        Kept.DEAD_LETTER: timedelta(days=settings.dead_letter_retention_days),
        Kept.UNMAPPED: timedelta(days=settings.unmapped_retention_days),
        **dict.fromkeys(OF_CUTOVER, timedelta(days=settings.cutover_retention_days)),
    }


@frozen(kw_only=True)
class RetentionPolicy:
    """What a process is set to forget, and how often it runs."""

    enabled: bool
    interval: timedelta
    periods: Mapping[Kept, timedelta]


def retention_policy(settings: Settings) -> RetentionPolicy:
    """Of the process that has these settings."""
    return RetentionPolicy(
        enabled=settings.retention_enabled,
        interval=timedelta(milliseconds=settings.retention_interval_ms),
        periods=retention_periods(settings),
    )


@frozen
class AnotherRuns:
    """Somebody else is at it; there is nothing to do."""


@frozen(kw_only=True)
class RetentionReport:
    """How many of each were forgotten, or would be. ``before``: only what was finished before this instant."""

    dry_run: bool
    forgotten: Mapping[Kept, int]
    before: Mapping[Kept, datetime]

    @property
    def total(self) -> int:
        return sum(self.forgotten.values())


@frozen(kw_only=True)
class RunRetention:
    """``periods`` replaces periods of the table; nothing may be kept for less than the table says where keys depend on it."""

    store: RetentionStore
    now: Callable[[], datetime]
    periods: Mapping[Kept, timedelta]

    async def __call__(self, *, dry_run: bool = False, actor: str = "system") -> RetentionReport | AnotherRuns:
        """Raises Unavailable and Conflict; what was committed by then is forgotten, the rest waits for the next run."""
        now = self.now()
        before = {kept: now - self.periods.get(kept, RETENTION[kept].period) for kept in IN_STORAGE}
        async with self.store.alone() as alone:
            if not alone:
                return AnotherRuns()
            forgotten = {}
            for kept in IN_STORAGE:
                if dry_run:
                    forgotten[kept] = await self.store.expired(kept, before=before[kept])
                else:
                    forgotten[kept] = await self._forget_all(kept, before[kept])
            report = RetentionReport(dry_run=dry_run, forgotten=forgotten, before=before)
            if report.total and not dry_run:
                counts = {kept.value: count for kept, count in forgotten.items()}
                entry = AuditEntry(
                    event_type="RETENTION_RUN",
                    actor=actor,
                    resource_type=None,
                    resource_id=None,
                    metadata={"forgotten": counts},
                    at=now,
                )
                await self.store.note(entry)
        return report

    async def _forget_all(self, kept: Kept, before: datetime) -> int:
        total = 0
        while True:
            gone = await self.store.forget(kept, before=before, limit=AT_ONCE)
            total += gone
            if gone < AT_ONCE:
                return total
