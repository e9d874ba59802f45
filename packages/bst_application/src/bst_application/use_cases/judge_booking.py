"""An operator's judgement of a booking: recompute its status, acknowledge its changes, override, reinstate.

Source of the rules: semantics 5.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bst_application.ports.bookings import StoredBooking
from bst_application.ports.operations import OpsDesk, OpsTransaction
from bst_application.use_cases.operate import (
    Act,
    BookingMissing,
    Expected,
    StaleVersion,
    Written,
    at_the_desk,
    write,
)
from bst_application.use_cases.repair import Author
from bst_domain.booking import TerminalStands, acknowledge, decide_status, operator_evidence, terminal_fact
from bst_domain.values import BookingIdentity, FulfilmentStatus


@frozen
class VersionAhead:
    """The booking is at this version; a later one is said to have been seen."""

    version: int


@frozen(kw_only=True)
class SyncStatus:
    """Recomputes what is stored. It is the same already, unless time has passed or somebody wrote past the fold."""

    desk: OpsDesk
    now: Callable[[], datetime]

    async def __call__(
        self, identity: BookingIdentity, *, expected: Expected, by: Author
    ) -> Written | BookingMissing | StaleVersion:
        """Raises Unavailable and Conflict."""

        async def act(tx: OpsTransaction, stored: StoredBooking) -> Written:
            return await write(tx, stored, Act(event_type="BOOKING_STATUS_SYNCED", by=by, now=self.now()))

        return await at_the_desk(self.desk, identity, expected, act)


@frozen(kw_only=True)
class AcknowledgeBooking:
    """Ops have seen a version: the changes in it are news no more, those that came afterwards are."""

    desk: OpsDesk
    now: Callable[[], datetime]

    async def __call__(
        self, identity: BookingIdentity, version: int | None, *, expected: Expected, by: Author
    ) -> Written | BookingMissing | StaleVersion | VersionAhead:
        """``version`` None: the present one. Raises Unavailable and Conflict."""

        async def act(tx: OpsTransaction, stored: StoredBooking) -> Written | VersionAhead:
            seen = stored.version if version is None else version
            if seen > stored.version:
                return VersionAhead(stored.version)
            unseen = frozenset() if seen == stored.version else await tx.said_after(stored.key, seen)
            metadata = {"acknowledgedVersion": seen}
            act = Act(event_type="BOOKING_ACKNOWLEDGED", by=by, now=self.now(), metadata=metadata)
            return await write(tx, stored, act, said=acknowledge(stored.facts, unseen))

        return await at_the_desk(self.desk, identity, expected, act)


@frozen(kw_only=True)
class StatusDecision:
    """What an operator wants the status to be, and why. ``reinstate`` is an ADMIN's to say."""

    status: FulfilmentStatus
    reason: str
    reinstate: bool = False


@frozen(kw_only=True)
class OverrideStatus:
    """Sets the status by hand; a reinstatement lifts the terminal status that stands against it."""

    desk: OpsDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, identity: BookingIdentity, wanted: StatusDecision, *, expected: Expected, by: Author
    ) -> Written | BookingMissing | StaleVersion | TerminalStands:
        """Raises Unavailable and Conflict."""

        async def act(tx: OpsTransaction, stored: StoredBooking) -> Written | TerminalStands:
            now = self.now()
            said = decide_status(
                stored.facts,
                wanted.status,
                actor=by.actor,
                reason=wanted.reason,
                reinstate=wanted.reinstate,
                evidence=operator_evidence(stored.facts, self.new_id(), now),
            )
            if isinstance(said, TerminalStands):
                return said
            lifted = terminal_fact(stored.facts) if said.reinstated is not None else None
            metadata = {
                "status": wanted.status.value,
                "reason": wanted.reason,
                "reinstatedFrom": None if lifted is None else lifted[0].value,
            }
            act = Act(event_type="BOOKING_STATUS_OVERRIDDEN", by=by, now=now, metadata=metadata)
            return await write(tx, stored, act, said=said)

        return await at_the_desk(self.desk, identity, expected, act)
