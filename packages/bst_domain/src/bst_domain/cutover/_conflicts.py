"""The conflict playbook of dual write: two systems write the same thing, and somebody has to be right.

Source of the rules: semantics 10. High severity is due within 30 minutes, medium within 4 hours; anything open for over 24
hours blocks the next batch.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import frozen


class Module(StrEnum):
    """What both systems write."""

    BOOKING_CORE = "booking_core"
    OPS_ASSIGNMENT = "ops_assignment"
    OPS_BOOKING_STATE = "ops_booking_state"
    OPS_FINANCE_BRIDGE = "ops_finance_bridge"
    PAYMENT_EVENT = "payment_event"


class Writer(StrEnum):
    """Whose word counts."""

    CORE = "core"
    LEGACY_ADMIN = "legacy admin"
    SHOP = "shop"


class Resolution(StrEnum):
    """What is done about a conflict."""

    REVIEW_REQUIRED = "REVIEW_REQUIRED"  # the shown value stays the one before the conflict until somebody resolves it
    NEWEST_CORE = "NEWEST_CORE"  # the newest core event holds; legacy is audited only
    RECOMPUTE = "RECOMPUTE"  # the status is computed anew and audited
    LEGACY_AND_TICKET = "LEGACY_AND_TICKET"  # the legacy value holds; a reconciliation ticket is opened
    NOTHING = "NOTHING"  # the fold does not depend on order


class Choice(StrEnum):
    """How a person settles a REVIEW_REQUIRED."""

    CORE = "CORE"  # what the facts say, those that came in meanwhile included
    LEGACY = "LEGACY"  # what the other system said
    SHOWN = "SHOWN"  # what was shown all the time


class Severity(StrEnum):
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"


@frozen(kw_only=True)
class Play:
    """One line of the playbook. ``fields`` are those whose difference is a conflict; ``within``: only when changed so close."""

    writer: Writer
    fields: frozenset[str]
    resolution: Resolution
    severity: Severity | None  # None: nobody has to look
    within: timedelta | None = None


#: Total.
PLAYBOOK: Mapping[Module, Play] = {
    Module.BOOKING_CORE: Play(
        writer=Writer.CORE,
        fields=frozenset({"tour_date", "total_price", "channel_code"}),
        resolution=Resolution.REVIEW_REQUIRED,
        severity=Severity.HIGH,
    ),
    Module.OPS_ASSIGNMENT: Play(
        writer=Writer.CORE,
        fields=frozenset({"driver_id", "partner_id"}),
        resolution=Resolution.NEWEST_CORE,
        severity=None,
        within=timedelta(minutes=5),
    ),
    Module.OPS_BOOKING_STATE: Play(
        writer=Writer.CORE,
        fields=frozenset({"ops_fulfillment_status"}),
        resolution=Resolution.RECOMPUTE,
        severity=None,
    ),
    Module.OPS_FINANCE_BRIDGE: Play(
        writer=Writer.LEGACY_ADMIN,
        fields=frozenset({"validated_at", "is_locked"}),
        resolution=Resolution.LEGACY_AND_TICKET,
        severity=Severity.MEDIUM,
    ),
    Module.PAYMENT_EVENT: Play(writer=Writer.SHOP, fields=frozenset(), resolution=Resolution.NOTHING, severity=None),
}

#: Total: how long a conflict may stay open.
DUE_WITHIN: Mapping[Severity, timedelta] = {
    Severity.HIGH: timedelta(minutes=30),
    Severity.MEDIUM: timedelta(hours=4),
}
BLOCKS_AFTER = timedelta(hours=24)


@frozen(kw_only=True)
class ConflictFound:
    """Both systems said something about a module, and they differ in these fields, in alphabetical order."""

    module: Module
    fields: tuple[str, ...]
    play: Play


def find_conflict(
    module: Module,
    *,
    core: Mapping[str, object],
    legacy: Mapping[str, object],
    core_at: datetime,
    legacy_at: datetime,
) -> ConflictFound | None:
    """The conflict between what the two systems hold, or None: equal where it matters, or too far apart to be one.

    A field that either side does not state says nothing. A null is a statement.
    """
    play = PLAYBOOK[module]
    if play.within is not None and abs(core_at - legacy_at) > play.within:
        return None
    differing = sorted(name for name in play.fields & core.keys() & legacy.keys() if core[name] != legacy[name])
    return ConflictFound(module=module, fields=tuple(differing), play=play) if differing else None


def due_at(severity: Severity, opened_at: datetime) -> datetime:
    """Until when somebody has to have decided."""
    return opened_at + DUE_WITHIN[severity]


def blocks_next_batch(opened_at: datetime, now: datetime) -> bool:
    """Whether a conflict that is still open has been so for too long to go on migrating."""
    return now - opened_at > BLOCKS_AFTER
