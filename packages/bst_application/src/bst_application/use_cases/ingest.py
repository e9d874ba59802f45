"""The ingest door's inside: groups deliveries, accepts them, hands over what was staged."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import evolve, frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.grouping import GroupCommit
from bst_application.log_fields import unbound
from bst_application.ports.event_log import NewEvent
from bst_application.ports.tracing import NO_TRACING, Tracing
from bst_application.use_cases.accept import AcceptDeliveries, Delivery, Outcome
from bst_application.use_cases.hand_over import HandOver
from bst_application.use_cases.process import ProcessEvents
from bst_domain.ingest import Accepted, BookingEvent, ContentKey, canonical_text, fingerprint, second_of
from bst_domain.values import EventId


@frozen(kw_only=True)
class Receipt:
    """What became of a delivery, and of its processing. ``queued``: a job for it is staged."""

    outcome: Outcome
    queued: bool
    processed_inline: bool


class IngestDoor:
    """Accepts single deliveries, many at a time. ``inline`` processes at once what no queue will (sync fallback)."""

    def __init__(
        self,
        *,
        accept: AcceptDeliveries,
        hand_over: HandOver,
        inline: ProcessEvents | None,
        flushers: int = 2,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._tracing = tracing
        self._accept = accept
        self._hand_over = hand_over
        self._inline = inline
        self._group: GroupCommit[Delivery, Receipt | None] = GroupCommit(self._flush, flushers=flushers)

    @property
    def is_full(self) -> bool:
        """Whether a delivery had better come back later."""
        return self._group.is_full

    async def __call__(self, delivery: Delivery) -> Receipt:
        """Returns after the commit. Raises Unavailable or Conflict: the producer shall try again."""
        receipt = await self._group(delivery)
        if receipt is None:
            raise Unavailable("the log could not be asked what this delivery repeats")
        return receipt

    async def close(self) -> None:
        """Waits for the deliveries that are in."""
        await self._group.close()

    async def _flush(self, deliveries: Sequence[Delivery]) -> list[Receipt | None]:
        # A group of one belongs to its request's trace; the commit of several belongs to none of theirs and names them all.
        origins = [d.event.trace_context for d in deliveries if d.event is not None] if self._tracing.is_on else []
        parent = origins[0] if len(origins) == 1 else None
        # The flush runs in the context of whoever came first, and is not its work alone.
        with (
            unbound(),
            self._tracing.span(
                "accept group", parent=parent, detached=True, attributes={"bst.group.size": len(deliveries)}
            ) as span,
        ):
            if parent is None:
                span.link(origins)
            outcomes, job = await self._accept(deliveries)
        if job is not None:
            self._hand_over.offer(evolve(job, trace_context=span.context))
        accepted = [outcome.event_id for outcome in outcomes if isinstance(outcome, Accepted)]
        inline = bool(accepted) and job is None and await self._process_inline(accepted)
        return [
            None
            if outcome is None
            else Receipt(
                outcome=outcome,
                queued=isinstance(outcome, Accepted) and job is not None,
                processed_inline=isinstance(outcome, Accepted) and inline,
            )
            for outcome in outcomes
        ]

    async def _process_inline(self, events: Sequence[EventId]) -> bool:
        if self._inline is None:
            return False
        try:
            await self._inline(events)
        except (Unavailable, Conflict):
            return False  # accepted all the same; the sweep will come to it
        return True


def new_event(
    *,
    event: BookingEvent,
    body: Any,
    idempotency_key: str,
    nonce: str,
    payload_hash: str,
    now: datetime,
    new_id: Callable[[], UUID],
    trace_context: str | None = None,
) -> NewEvent:
    """The row that a checked body would become."""
    payload = canonical_text(body)
    return NewEvent(
        event_id=EventId(new_id()),
        idempotency_key=idempotency_key,
        nonce=nonce,
        content=ContentKey(
            identity=event.identity,
            event_type=event.event_type,
            second=second_of(event.event_time),
            fingerprint=fingerprint(payload),
        ),
        event_time=event.event_time,
        payload_hash=payload_hash,
        payload=payload,
        received_at=now,
        trace_context=trace_context,
    )
