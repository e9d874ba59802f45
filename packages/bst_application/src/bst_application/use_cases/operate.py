"""What all acts of operators on a booking have in common: lock, load, fold, save and audit, in one commit."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from attrs import frozen

from bst_application.ports.bookings import RecordedFacts, StoredBooking, WrittenBy
from bst_application.ports.operations import OpsDesk, OpsTransaction
from bst_application.use_cases.again import again_after_conflict
from bst_application.use_cases.changing import as_audited, change
from bst_application.use_cases.packages import packages_of, with_package
from bst_application.use_cases.repair import Author, entry_of
from bst_domain.booking import NOTHING, BookingFacts, OpsInputs, merge
from bst_domain.values import BookingIdentity, BookingKey, EventId

Expected = frozenset[int] | None
"""The versions that whoever acts may have seen; None: whatever it is."""

Outcome = TypeVar("Outcome")


@frozen
class BookingMissing:
    """There is no such booking."""


@frozen
class StaleVersion:
    """The booking is at this version, which is none of those expected."""

    version: int


@frozen
class Written:
    """It is done, and the booking is at this version."""

    key: BookingKey
    version: int


@frozen(kw_only=True)
class Act:
    """What an operator does, as the audit trail tells it: ``metadata`` holds no guest data."""

    event_type: str
    by: Author
    now: datetime
    metadata: Mapping[str, Any] = {}


async def at_the_desk(
    desk: OpsDesk,
    identity: BookingIdentity,
    expected: Expected,
    act: Callable[[OpsTransaction, StoredBooking], Awaitable[Outcome]],
) -> Outcome | BookingMissing | StaleVersion:
    """Acts on the booking, held at an expected version until the commit; anew where the database chose that as a loser: whoever
    expects no version is not told of a race, and whoever does hears of the version that won. Raises Unavailable and Conflict."""

    async def once() -> Outcome | BookingMissing | StaleVersion:
        async with desk.operating() as tx:
            stored = await tx.load(identity)
            if stored is None:
                return BookingMissing()
            if expected is not None and stored.version not in expected:
                return StaleVersion(stored.version)
            return await act(tx, stored)

    return await again_after_conflict(once)


async def write(
    tx: OpsTransaction,
    stored: StoredBooking,
    act: Act,
    *,
    said: BookingFacts = NOTHING,
    ops: OpsInputs | None = None,
    touched: bool = False,
) -> Written:
    """Folds in what was said, recomputes the statuses, saves and audits; for ``touched`` see ``change``."""
    facts = merge(stored.facts, said)
    mapped = (await packages_of(tx, {stored.identity: facts})).get(stored.identity)
    recorded = () if said.first is None else (RecordedFacts(event_id=EventId(said.first.event_id), facts=said),)
    made = change(
        key=stored.key,
        identity=stored.identity,
        stored=stored,
        facts=facts,
        now=act.now,
        recorded=recorded,
        ops=with_package(stored.ops if ops is None else ops, mapped),
        touched=touched,
        written_by=WrittenBy.CORE_API,
    )
    await tx.save(made, now=act.now)
    metadata: dict[str, Any] = {
        "before": as_audited(stored.version, stored.statuses),
        "after": as_audited(made.version, made.statuses),
        "changedFields": sorted(made.changed),
        **({} if said.first is None else {"eventId": str(said.first.event_id)}),
        **act.metadata,
    }
    entry = entry_of(act.event_type, act.by, act.now, resource=("BOOKING", stored.key), metadata=metadata)
    await tx.audit([entry])
    return Written(stored.key, made.version)
