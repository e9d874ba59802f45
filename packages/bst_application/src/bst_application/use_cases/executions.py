"""What is said of executions once they are committed: a log line, a figure, and a span in the trace of each event's own request.

Nothing is said of what was rolled back: it never happened.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import perf_counter, time_ns

from attrs import define, field

from bst_application.log_fields import fields
from bst_application.ports.bookings import ClaimedEvent, FailedEvent, SettledReplay
from bst_application.ports.tracing import Span, SpanKind, Tracing, trace_id
from bst_application.ports.watching import EventOutcome, Execution, ProcessingWatch
from bst_domain.ingest import DeadLetter, FailureCode

_log = logging.getLogger(__name__)

_LEVELS = {
    EventOutcome.DONE: logging.DEBUG,
    EventOutcome.RETRY: logging.INFO,
    EventOutcome.DEAD_LETTER: logging.WARNING,
}
_SENTENCES = {
    EventOutcome.DONE: "an event was processed",
    EventOutcome.RETRY: "an event failed and is tried again later",
    EventOutcome.DEAD_LETTER: "an event failed for good; it waits for a person as a dead letter",
}


@define(kw_only=True)
class Telling:
    """Begun before the transaction, told after its commit."""

    tracing: Tracing
    watch: ProcessingWatch
    began_ns: int = field(factory=time_ns)
    _began: float = field(factory=perf_counter)

    def committed(
        self,
        done: Sequence[ClaimedEvent],
        failed: Sequence[FailedEvent],
        replays: Sequence[SettledReplay],
        *,
        group: Span,
        now: datetime,
    ) -> None:
        """``now`` is the transaction's own clock."""
        seconds = perf_counter() - self._began
        ended_at = now + timedelta(seconds=seconds)

        def execution(event: ClaimedEvent, outcome: EventOutcome, reason: FailureCode | None) -> Execution:
            return Execution(outcome=outcome, reason=reason, received_at=event.received_at, ended_at=ended_at)

        executions = [execution(event, EventOutcome.DONE, None) for event in done]
        for event in done:
            self._tell(event, EventOutcome.DONE, group=group, seconds=seconds)
        for entry in failed:
            final = isinstance(entry.then, DeadLetter)
            outcome = EventOutcome.DEAD_LETTER if final else EventOutcome.RETRY
            retry_at = None if isinstance(entry.then, DeadLetter) else entry.then.at.isoformat()
            executions.append(execution(entry.event, outcome, entry.code))
            self._tell(entry.event, outcome, group=group, seconds=seconds, reason=entry.code, retry_at=retry_at)
        self.watch.committed(executions, seconds=seconds)
        self._tell_replays(replays)

    def _tell(
        self,
        event: ClaimedEvent,
        outcome: EventOutcome,
        *,
        group: Span,
        seconds: float,
        reason: FailureCode | None = None,
        retry_at: str | None = None,
    ) -> None:
        booking = f"{event.identity.channel}:{event.identity.ref}"
        if _log.isEnabledFor(_LEVELS[outcome]):
            said = fields(
                eventId=str(event.event_id),
                booking=booking,
                outcome=outcome.value,
                reason=None if reason is None else reason.value,
                attempt=event.executions + 1,
                retryAt=retry_at,
                durationMs=round(seconds * 1000, 1),
                traceId=trace_id(event.trace_context),
            )
            _log.log(_LEVELS[outcome], _SENTENCES[outcome], extra=said)
        if self.tracing.is_on:
            attributes: dict[str, str | int] = {
                "bst.event.id": str(event.event_id),
                "bst.booking": booking,
                "bst.outcome": outcome.value,
                "bst.attempt": event.executions + 1,
            }
            if reason is not None:
                attributes["error.type"] = reason.value
            self.tracing.past(
                "process event",
                kind=SpanKind.CONSUMER,
                parent=event.trace_context,
                began_ns=self.began_ns,
                links=[group.context],
                attributes=attributes,
            )

    def _tell_replays(self, replays: Sequence[SettledReplay]) -> None:
        if not replays:
            return
        succeeded = sum(replay.succeeded for replay in replays)
        self.watch.replays_ended(succeeded=succeeded, failed=len(replays) - succeeded)
        for replay in replays:
            outcome = "SUCCEEDED" if replay.succeeded else "FAILED"
            said = fields(eventId=str(replay.event_id), actor=replay.actor, outcome=outcome)
            _log.info("a replay ended", extra=said)
