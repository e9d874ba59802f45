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
        outcomes: dict[int, Outcome] = {}
        async with self.log.accepting() as tx:
            fresh = await tx.remember_nonces(sorted({d.nonce for d in deliveries}), now=now, ttl=self.nonce_ttl)
            candidates: list[tuple[int, NewEvent]] = []
            for at, delivery in enumerate(deliveries):
                if delivery.nonce not in fresh:
                    outcomes[at] = NonceReused()
                    continue
                fresh.discard(delivery.nonce)  # the next one in this group that carries it is a repeat
                if delivery.event is None:
                    outcomes[at] = BodyRefused()
                else:
                    candidates.append((at, delivery.event))
            # All processes take rows in the same order, so that equal deliveries wait for each other instead of deadlocking.
            candidates.sort(key=lambda entry: _lock_order(entry[1]))
            inserted = await self._insert(tx, candidates, outcomes)
            job = Job(str(self.new_id()), tuple(inserted)) if inserted and self.stages_jobs() else None
            if job is not None:
                await tx.stage(job, now=now)
        return [outcomes[at] for at in range(len(deliveries))], job

    async def _insert(
        self, tx: AcceptTransaction, candidates: list[tuple[int, NewEvent]], outcomes: dict[int, Outcome]
    ) -> list[EventId]:
        if not candidates:
            return []
        registered = await tx.registered_channels(sorted({event.content.identity.channel for _, event in candidates}))
        known: list[tuple[int, NewEvent]] = []
        for at, event in candidates:
            if event.content.identity.channel in registered:
                known.append((at, event))
            else:
                outcomes[at] = ChannelNotRegistered()
        inserted = await tx.insert([event for _, event in known])
        outcomes.update((at, Accepted(event.event_id)) for at, event in known if event.event_id in inserted)
        repeats = [(at, event) for at, event in known if event.event_id not in inserted]
        if repeats:
            outcomes.update(await self._explain(tx, repeats))
        return [event.event_id for _, event in known if event.event_id in inserted]

    async def _explain(self, tx: AcceptTransaction, repeats: list[tuple[int, NewEvent]]) -> dict[int, Outcome]:
        """What the deliveries that the log did not take are repeats of."""
        priors = await tx.find([event for _, event in repeats])
        outcomes: dict[int, Outcome] = {}
        conflicts: list[KeyConflict] = []
        for at, event in repeats:
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
                    outcomes[at] = decision
                case Replayed():
                    outcomes[at] = decision
                case _:
                    assert_never(decision)
        if conflicts:
            await tx.keep_conflicts(conflicts)
        return outcomes


def _lock_order(event: NewEvent) -> tuple[object, ...]:
    content = event.content
    return (content.identity, content.event_type, content.second, content.fingerprint, event.idempotency_key)
