"""Accepting deliveries: the decision, the nonce, the key, the event row and the staged job are one commit.

Source of the rules: semantics 6. Deliveries come in groups, because a commit costs the same for one as for a hundred; a
group of one is the ordinary case at low load.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from attrs import frozen

from bst_application.errors import Conflict, InDoubt, Unavailable
from bst_application.ports.event_log import AcceptTransaction, EventLog, KeyConflict, NewEvent
from bst_application.ports.queue import Job
from bst_domain.ingest import (
    Acceptance,
    Accepted,
    ChannelNotRegistered,
    KeyReused,
    NonceReused,
    Replayed,
    decide_acceptance,
)
from bst_domain.values import EventId

#: A group that lost a deadlock, or met a connection that had died while idle, is tried again at once this many times.
IMMEDIATE_RETRIES = 3
#: ... unless finding out has taken longer than this.
AT_ONCE = timedelta(seconds=1)


@frozen(kw_only=True)
class Delivery:
    """A request whose signature is right. ``event`` is None when its body is refused: then only its nonce counts."""

    nonce: str
    event: NewEvent | None


@frozen
class BodyRefused:
    """The nonce is fresh; the body's own problems are the answer."""


Outcome = Acceptance | BodyRefused


@frozen(kw_only=True)
class AcceptDeliveries:
    """Accepts a group. While ``stages_jobs`` says no, nothing is staged: events wait in the log until the queue comes on."""

    log: EventLog
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    nonce_ttl: timedelta
    stages_jobs: Callable[[], bool]

    async def __call__(self, deliveries: Sequence[Delivery]) -> tuple[list[Outcome], Job | None]:
        """An outcome for each delivery, in order, and the job that was staged for the new events.

        Raises Unavailable or Conflict when the log could not be written, and InDoubt when nobody knows.
        """
        began = self.now()
        for _ in range(IMMEDIATE_RETRIES):
            try:
                return await self._once(deliveries)
            except InDoubt:
                raise  # trying again would find our own nonces and refuse them
            except (Unavailable, Conflict):
                if self.now() - began > AT_ONCE:
                    raise  # senders wait for an answer: theirs is the next try
        return await self._once(deliveries)

    async def _once(self, deliveries: Sequence[Delivery]) -> tuple[list[Outcome], Job | None]:
        now = self.now()
        # The first that carries a nonce has it; another one in this group that carries it is a repeat.
        holders = {delivery.nonce: delivery for delivery in reversed(deliveries)}
        job_id = str(self.new_id()) if self.stages_jobs() else None
        async with self.log.accepting() as tx:
            registered = await tx.registered_channels()
            candidates = [
                (delivery.nonce, delivery.event)
                for delivery in holders.values()
                if delivery.event is not None and _channel(delivery.event) in registered
            ]
            # All processes take rows in the same order, so that equal deliveries wait for each other instead of deadlocking.
            candidates.sort(key=lambda candidate: _lock_order(candidate[1]))
            stored = await tx.store(sorted(holders), candidates, now=now, ttl=self.nonce_ttl, job_id=job_id)
            explained = await self._explain(
                tx, [e for nonce, e in candidates if nonce in stored.nonces and e.event_id not in stored.events]
            )
        outcomes: list[Outcome] = []
        for delivery in deliveries:
            event = delivery.event
            if holders[delivery.nonce] is not delivery or delivery.nonce not in stored.nonces:
                outcomes.append(NonceReused())
            elif event is None:
                outcomes.append(BodyRefused())
            elif event.event_id in stored.events:
                outcomes.append(Accepted(event.event_id))
            else:
                outcomes.append(explained.get(event.event_id) or ChannelNotRegistered())
        new = tuple(event.event_id for _, event in candidates if event.event_id in stored.events)
        return outcomes, None if job_id is None or not new else Job(job_id, new)

    async def _explain(self, tx: AcceptTransaction, repeats: Sequence[NewEvent]) -> dict[EventId, Outcome]:
        """What the deliveries that the log did not take are repeats of."""
        if not repeats:
            return {}
        priors = await tx.find(repeats)
        outcomes: dict[EventId, Outcome] = {}
        conflicts: list[KeyConflict] = []
        for event in repeats:
            decision = decide_acceptance(
                fingerprint=event.content.fingerprint,
                same_key=priors.by_key.get(event.idempotency_key),
                same_content=priors.by_content.get(event.content),
            )
            match decision:
                case None:  # what was in the way has gone meanwhile
                    raise Conflict("an equal event disappeared while it was looked up")
                case KeyReused(first):
                    conflicts.append(KeyConflict(first=first, delivery=event))
                case Replayed():
                    pass
                case _:
                    assert_never(decision)
            outcomes[event.event_id] = decision
        if conflicts:
            await tx.keep_conflicts(conflicts)
        return outcomes


def _channel(event: NewEvent) -> str:
    return event.content.identity.channel


def _lock_order(event: NewEvent) -> tuple[object, ...]:
    content = event.content
    return (content.identity, content.event_type, content.second, content.fingerprint, event.idempotency_key)
