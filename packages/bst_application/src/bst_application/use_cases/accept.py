"""Accepting deliveries: the nonce, the key, the event row and the staged job are one statement and one commit.

Source of the rules: semantics 6. Deliveries come in groups, because a commit costs the same for one as for a hundred; a
group of one is the ordinary case at low load. Only what turns out to be a repeat is looked up afterwards.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar, assert_never
from uuid import UUID

from attrs import frozen

from bst_application.errors import Conflict, InDoubt, Unavailable
from bst_application.ports.event_log import EventLog, Group, KeyConflict, NewEvent, Stored
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

Result = TypeVar("Result")

#: How often something is tried again at once ...
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

    async def __call__(self, deliveries: Sequence[Delivery]) -> tuple[list[Outcome | None], Job | None]:
        """An outcome for each delivery, in order, and the job that was staged for the new events.

        None where the log could not be asked what a delivery repeats: its nonce is spent, its sender shall try again.
        Raises Unavailable or Conflict when the log could not be written, and InDoubt when nobody knows.
        """
        now = self.now()
        # The first that carries a nonce has it; another one in this group that carries it is a repeat.
        holders = {delivery.nonce: delivery for delivery in reversed(deliveries)}
        job_id = str(self.new_id()) if self.stages_jobs() else None

        async def store() -> tuple[list[tuple[str, NewEvent]], Stored]:
            registered = await self.log.registered_channels()
            candidates = [
                (delivery.nonce, delivery.event)
                for delivery in holders.values()
                if delivery.event is not None and delivery.event.content.identity.channel in registered
            ]
            # All processes take rows in the same order, so that equal deliveries wait for each other instead of deadlocking.
            candidates.sort(key=lambda candidate: _lock_order(candidate[1]))
            group = Group(nonces=sorted(holders), events=candidates, now=now, nonce_ttl=self.nonce_ttl, job_id=job_id)
            return candidates, await self.log.store(group)

        candidates, stored = await self._at_once(store)
        repeats = [e for nonce, e in candidates if nonce in stored.nonces and e.event_id not in stored.events]
        explained = await self._explained(repeats) if repeats else {}
        known = {event.event_id for _, event in candidates}
        outcomes: list[Outcome | None] = []
        for delivery in deliveries:
            event = delivery.event
            if holders[delivery.nonce] is not delivery or delivery.nonce not in stored.nonces:
                outcomes.append(NonceReused())
            elif event is None:
                outcomes.append(BodyRefused())
            elif event.event_id in stored.events:
                outcomes.append(Accepted(event.event_id))
            elif event.event_id in known:
                outcomes.append(explained.get(event.event_id))
            else:
                outcomes.append(ChannelNotRegistered())
        new = tuple(event.event_id for _, event in candidates if event.event_id in stored.events)
        return outcomes, None if job_id is None or not new else Job(job_id, new)

    async def _at_once(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """What lost a deadlock, or met a connection that had died while idle, is tried again at once."""
        began = self.now()
        for _ in range(IMMEDIATE_RETRIES):
            try:
                return await work()
            except InDoubt:
                raise  # trying again would find our own nonces and refuse them
            except (Unavailable, Conflict):
                if self.now() - began > AT_ONCE:
                    raise  # senders wait for an answer: theirs is the next try
        return await work()

    async def _explained(self, repeats: Sequence[NewEvent]) -> Mapping[EventId, Outcome]:
        try:
            return await self._at_once(lambda: self._explain(repeats))
        except (Unavailable, Conflict):  # what is stored is stored: the others of the group have their answers
            return {}

    async def _explain(self, repeats: Sequence[NewEvent]) -> Mapping[EventId, Outcome]:
        """What the deliveries that the log did not take are repeats of."""
        priors = await self.log.find(repeats)
        outcomes: dict[EventId, Outcome] = {}
        conflicts: list[KeyConflict] = []
        for event in repeats:
            decision = decide_acceptance(
                fingerprint=event.content.fingerprint,
                same_key=priors.by_key.get(event.idempotency_key),
                same_content=priors.by_content.get(event.content),
            )
            match decision:
                case None:  # retention has taken what was in the way; the next try will be new
                    continue
                case KeyReused(first):
                    conflicts.append(KeyConflict(first=first, delivery=event))
                case Replayed():
                    pass
                case _:
                    assert_never(decision)
            outcomes[event.event_id] = decision
        if conflicts:
            await self.log.keep_conflicts(conflicts)
        return outcomes


def _lock_order(event: NewEvent) -> tuple[object, ...]:
    content = event.content
    return (content.identity, content.event_type, content.second, content.fingerprint, event.idempotency_key)
