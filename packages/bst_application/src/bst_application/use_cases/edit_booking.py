"""An operator's edit of a booking: facts like any other, so a later event of the channel wins, and provenance is kept.

Source of the rules: semantics 2; the answer to the predecessor's defect 52 (a package's key must exist and fit its type).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from attrs import evolve, frozen

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
from bst_domain.booking import (
    NOTHING,
    FactValue,
    Field,
    PackageRef,
    PackageRefType,
    edit,
    operator_evidence,
    shown,
    shown_package,
)
from bst_domain.values import BookingIdentity

_UNMAPPED = PackageRef(PackageRefType.LEGACY_PACKAGE, None, None)


@frozen(kw_only=True)
class PackageEdit:
    """``type`` None leaves the type; ``key`` counts where it is stated, and None then clears it."""

    type: PackageRefType | None = None
    key: UUID | None = None
    states_key: bool = False


@frozen(kw_only=True)
class BookingEdit:
    """The fields to change, by what they shall be; None blanks. Fields that are not named stay."""

    values: Mapping[Field, str | None] = {}
    package: PackageEdit | None = None


@frozen
class PackageMisfit:
    """The catalog has no such key of this type."""

    package: PackageRef


@frozen
class Edited:
    """It is done; ``package`` is what the booking shows now."""

    written: Written
    package: PackageRef


@frozen(kw_only=True)
class EditBooking:
    """Writes those of the named fields that differ from what is shown: a form that sends everything back pins nothing."""

    desk: OpsDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, identity: BookingIdentity, wanted: BookingEdit, *, expected: Expected, by: Author
    ) -> Edited | BookingMissing | StaleVersion | PackageMisfit:
        """Raises Unavailable and Conflict."""

        async def act(tx: OpsTransaction, stored: StoredBooking) -> Edited | PackageMisfit:
            present = _package(stored)
            package = _edited(present, wanted.package)
            if package != present and not await _fits(tx, package):
                return PackageMisfit(package)
            values: dict[Field, FactValue] = dict(wanted.values)
            if package != present:
                values[Field.PACKAGE] = package
            now = self.now()
            said = shown(stored.facts)
            values = {
                about: value
                for about, value in values.items()
                if value != (None if (fact := said.get(about)) is None else fact.value)
            }
            facts = edit(values, operator_evidence(stored.facts, self.new_id(), now)) if values else NOTHING
            act = Act(event_type="BOOKING_UPDATED", by=by, now=now)
            return Edited(await write(tx, stored, act, said=facts), package)

        return await at_the_desk(self.desk, identity, expected, act)


def _package(stored: StoredBooking) -> PackageRef:
    """As everybody sees it, which may be what a mapping makes of it."""
    fact = shown(stored.facts).get(Field.PACKAGE)
    return (None if fact is None else shown_package(fact.value, stored.ops.package)) or _UNMAPPED


def _edited(present: PackageRef, wanted: PackageEdit | None) -> PackageRef:
    if wanted is None:
        return present
    key = wanted.key if wanted.states_key else present.key
    return evolve(present, type=wanted.type or present.type, key=key)


async def _fits(tx: OpsTransaction, package: PackageRef) -> bool:
    return package.key is None or await tx.fits(package.type, package.key)
