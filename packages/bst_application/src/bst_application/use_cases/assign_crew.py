"""Who runs the tour: assigning and unassigning drivers and partners.

At most one assignment is active: a second one ends the first in the same step. The status is recomputed at once.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.crew import CrewKind, CrewMember, CrewRegister
from bst_application.ports.operations import Assignment, OpsDesk, OpsTransaction
from bst_application.use_cases.again import again_after_conflict
from bst_application.use_cases.operate import (
    Act,
    BookingMissing,
    Expected,
    StaleVersion,
    Written,
    at_the_desk,
    write,
)
from bst_application.use_cases.repair import Author, entry_of
from bst_domain.values import BookingIdentity


@frozen(kw_only=True)
class WantedCrew:
    """``partner`` counts where it is stated, and None then means none; else the present one stays."""

    driver: int
    partner: int | None = None
    states_partner: bool = False


@frozen
class UnknownCrew:
    """Drivers, or partners, are managed here, and nobody active has this number."""

    kind: CrewKind
    number: int


@frozen(kw_only=True)
class AssignCrew:
    """Gives a booking to a driver. Who has it already keeps it, and the version stays."""

    desk: OpsDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, identity: BookingIdentity, wanted: WantedCrew, *, expected: Expected, by: Author
    ) -> Written | BookingMissing | StaleVersion | UnknownCrew:
        """Raises Unavailable and Conflict."""

        async def act(tx: OpsTransaction, stored: StoredBooking) -> Written | UnknownCrew:
            now = self.now()
            present = await tx.assignment(stored.key)
            kept = None if present is None else present.partner
            partner = wanted.partner if wanted.states_partner else kept
            same = present is not None and (present.driver, present.partner) == (wanted.driver, partner)
            if not same and (unknown := await _unknown(tx, wanted.driver, partner if wanted.states_partner else None)):
                return unknown
            said = {"driverId": wanted.driver, "partnerId": partner, "previousDriverId": _driver(present)}
            act = Act(event_type="BOOKING_ASSIGNED", by=by, now=now, metadata=said)
            ops = evolve(stored.ops, driver_assigned=True)
            written = await write(tx, stored, act, ops=ops, touched=not same)
            if not same:
                begun = Assignment(key=self.new_id(), driver=wanted.driver, partner=partner, at=now)
                await tx.assign(stored.key, begun, now=now)
            return written

        return await at_the_desk(self.desk, identity, expected, act)


@frozen(kw_only=True)
class UnassignCrew:
    """Takes a booking from its driver; harmless where it has none."""

    desk: OpsDesk
    now: Callable[[], datetime]

    async def __call__(
        self, identity: BookingIdentity, *, expected: Expected, by: Author
    ) -> Written | BookingMissing | StaleVersion:
        """Raises Unavailable and Conflict."""

        async def act(tx: OpsTransaction, stored: StoredBooking) -> Written:
            now = self.now()
            present = await tx.assignment(stored.key)
            act = Act(event_type="BOOKING_UNASSIGNED", by=by, now=now, metadata={"previousDriverId": _driver(present)})
            assigned = present is not None or stored.ops.driver_assigned  # back-fill may know a driver without more
            ops = evolve(stored.ops, driver_assigned=False)
            written = await write(tx, stored, act, ops=ops, touched=assigned)
            if assigned:
                await tx.assign(stored.key, None, now=now)
            return written

        return await at_the_desk(self.desk, identity, expected, act)


async def _unknown(tx: OpsTransaction, driver: int, partner: int | None) -> UnknownCrew | None:
    for kind, number in ((CrewKind.DRIVER, driver), (CrewKind.PARTNER, partner)):
        if number is not None and not await tx.may_be_assigned(kind, number):
            return UnknownCrew(kind, number)
    return None


def _driver(assignment: Assignment | None) -> int | None:
    return None if assignment is None else assignment.driver


@frozen(kw_only=True)
class EnterCrew:
    """Writes a driver or a partner, new or known. Assignments that there are go on."""

    register: CrewRegister
    now: Callable[[], datetime]

    async def __call__(self, kind: CrewKind, number: int, *, name: str, is_active: bool, by: Author) -> CrewMember:
        """The member as it is now. Raises Unavailable and Conflict."""
        now = self.now()
        member = CrewMember(number=number, name=name, is_active=is_active, updated_at=now)
        entry: AuditEntry = entry_of(
            f"OPS_{kind}_ENTERED",
            by,
            now,
            resource=(f"OPS_{kind}", number),
            metadata={"name": name, "isActive": is_active},
        )
        await again_after_conflict(lambda: self.register.enter(kind, member, entry))
        return member
