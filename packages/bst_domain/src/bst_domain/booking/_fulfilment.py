"""The fulfilment status that operations see, and the reasons that come with it.

Source of the rules: semantics 5. The status decides, the reasons explain.
"""

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum

from attrs import frozen

from bst_domain.booking._facts import (
    OPS_RELEVANT,
    BookingFacts,
    Evidence,
    Fact,
    Field,
    PackageRef,
    TerminalStatus,
    shown,
)
from bst_domain.booking._packages import shown_package
from bst_domain.booking._payments import Balance
from bst_domain.booking._settlement import SettlementStatus, settlement_status
from bst_domain.values import EventType, FulfilmentStatus, PaymentStatus, Quality


class Reason(StrEnum):
    """Why a person should look, or why a status is what it is. Any number of them; listed in this order."""

    INCOMPLETE = "INCOMPLETE"
    REVIEW_REQUIRED = "REVIEW_REQUIRED"
    CHANGED_AFTER_CANCEL = "CHANGED_AFTER_CANCEL"
    TOUR_DAY_UNASSIGNED = "TOUR_DAY_UNASSIGNED"
    UNACKNOWLEDGED_CHANGE = "UNACKNOWLEDGED_CHANGE"
    MANUAL_OVERRIDE = "MANUAL_OVERRIDE"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    PARTIAL_REFUND = "PARTIAL_REFUND"
    RETURN_WITHOUT_CAPTURE = "RETURN_WITHOUT_CAPTURE"
    PAID_THEN_CANCELLED = "PAID_THEN_CANCELLED"
    DONE_NOT_PAID = "DONE_NOT_PAID"
    PLACEHOLDER_CONTACT = "PLACEHOLDER_CONTACT"
    UNMAPPED_PACKAGE = "UNMAPPED_PACKAGE"


@frozen(kw_only=True)
class OpsInputs:
    """What operations and finance know of a booking; everything here lives beside the facts that channels say.

    ``package``: what a channel mapping says that the booking's package is, with the number that it was looked up by.
    """

    driver_assigned: bool = False
    cost_pattern_set: bool = False
    finance_items: int = 0
    finance_items_paid: int = 0
    finance_validated: bool = False
    package: PackageRef | None = None


NO_OPS = OpsInputs()

#: A booking that lacks one of these is INCOMPLETE: an update came before its CREATED, or the channel states no price.
ESSENTIAL = (Field.TOUR_DATE, Field.ADULT, Field.TOTAL_PRICE)


def terminal_fact(facts: BookingFacts) -> tuple[TerminalStatus, Evidence] | None:
    """The terminal fact that stands: the earliest that no reinstatement lifts."""
    if not facts.terminals:
        return None
    lifted_until = facts.reinstated
    standing = [
        (evidence.event_time, evidence.event_id.int, status, evidence)
        for status, evidence in facts.terminals.values()
        if lifted_until is None or evidence.event_time >= lifted_until.event_time
    ]
    if not standing:
        return None
    _, _, status, evidence = min(standing, key=lambda entry: entry[:2])
    return status, evidence


def unacknowledged_changes(facts: BookingFacts) -> list[Field]:
    """The ops-relevant fields that an UPDATED fact changed from what CREATED said, and that ops have not seen."""
    if facts.creation is None:  # known only from updates: there is nothing to compare with yet
        return []
    changed = [
        name
        for name, fact in shown(facts).items()
        if fact.evidence.event_type is EventType.UPDATED and name in OPS_RELEVANT and _is_news(facts, name, fact)
    ]
    return sorted(changed)


def _is_news(facts: BookingFacts, name: Field, fact: Fact) -> bool:
    original = facts.created.get(name)
    if original is not None and original.value == fact.value:
        return False
    seen = facts.acknowledged.get(name)
    return seen is None or fact.stamp > seen


def tour_day(facts: BookingFacts) -> date | None:
    """The day of the tour in Bali as it is shown, where somebody has said it and nobody has blanked it."""
    fact = shown(facts).get(Field.TOUR_DATE)
    return None if fact is None or fact.value is None else date.fromisoformat(str(fact.value))


def _settled(ops: OpsInputs) -> bool:
    return settlement_status(ops.finance_items, ops.finance_items_paid) is SettlementStatus.SETTLED


def _validated(ops: OpsInputs) -> bool:
    return ops.finance_validated


@frozen
class _Situation:
    """What rules 4 to 6 look at."""

    tour_day_began: bool
    changed: bool
    staffed: bool


#: Rules 2 and 3: nothing but a terminal fact stands above them, not even a manual override.
FINANCE_RULES: tuple[tuple[Callable[[OpsInputs], bool], FulfilmentStatus], ...] = (
    (_settled, FulfilmentStatus.DONE),
    (_validated, FulfilmentStatus.COMPLETED),
)
#: Rules 4 to 6; where none matches the booking is NEW (rule 7).
DERIVED_RULES: tuple[tuple[Callable[[_Situation], bool], FulfilmentStatus], ...] = (
    (lambda now: now.tour_day_began, FulfilmentStatus.ATTENTION),
    (lambda now: now.changed, FulfilmentStatus.UPDATED),
    (lambda now: now.staffed, FulfilmentStatus.READY),
)
_FINISHED = frozenset({FulfilmentStatus.DONE, FulfilmentStatus.COMPLETED})


def fulfilment_status(facts: BookingFacts, ops: OpsInputs, today: date) -> FulfilmentStatus:
    """First match wins. ``today`` is the day in Bali."""
    return _status(facts, ops, today, terminal_fact(facts), bool(unacknowledged_changes(facts)))


def _status(
    facts: BookingFacts,
    ops: OpsInputs,
    today: date,
    terminal: tuple[TerminalStatus, Evidence] | None,
    changed: bool,
) -> FulfilmentStatus:
    if terminal is not None:
        return FulfilmentStatus(terminal[0])
    for is_so, status in FINANCE_RULES:
        if is_so(ops):
            return status
    if facts.override is not None:
        return FulfilmentStatus(facts.override.status)
    day = tour_day(facts)
    situation = _Situation(day is not None and day <= today, changed, ops.driver_assigned and ops.cost_pattern_set)
    for holds, status in DERIVED_RULES:
        if holds(situation):
            return status
    return FulfilmentStatus.NEW


def status_with_reasons(
    facts: BookingFacts, ops: OpsInputs, today: date, *, payment: PaymentStatus, total: Balance
) -> tuple[FulfilmentStatus, tuple[Reason, ...]]:
    """The status, and everything that explains both statuses or asks for a look, in the order of ``Reason``."""
    terminal, changed = terminal_fact(facts), bool(unacknowledged_changes(facts))
    status = _status(facts, ops, today, terminal, changed)
    finished = status in _FINISHED
    overridden = facts.override is not None and terminal is None and not any(is_so(ops) for is_so, _ in FINANCE_RULES)
    registers = shown(facts)
    name, email, package = registers.get(Field.NAME), registers.get(Field.EMAIL), registers.get(Field.PACKAGE)
    holds = (
        (Reason.INCOMPLETE, _lacks_essentials(registers)),
        (Reason.REVIEW_REQUIRED, bool(facts.holds) and any(not hold.lifted for hold in facts.holds.values())),
        (Reason.CHANGED_AFTER_CANCEL, terminal is not None and _said_after(facts, terminal[1])),
        (Reason.TOUR_DAY_UNASSIGNED, status is FulfilmentStatus.ATTENTION and not ops.driver_assigned),
        (Reason.UNACKNOWLEDGED_CHANGE, changed and terminal is None and not finished),
        (Reason.MANUAL_OVERRIDE, overridden),
        (Reason.PAYMENT_FAILED, payment is PaymentStatus.FAILED),
        (Reason.PARTIAL_REFUND, payment is PaymentStatus.PAID and total.partially_returned),
        (Reason.RETURN_WITHOUT_CAPTURE, bool(total.returned) and not total.captured),
        (Reason.PAID_THEN_CANCELLED, status is FulfilmentStatus.CANCELLED and payment is PaymentStatus.PAID),
        (Reason.DONE_NOT_PAID, finished and payment is not PaymentStatus.PAID),
        (Reason.PLACEHOLDER_CONTACT, _below_relay(name) or _below_relay(email)),
        (Reason.UNMAPPED_PACKAGE, package is not None and _is_unmapped(shown_package(package.value, ops.package))),
    )
    return status, tuple([reason for reason, is_so in holds if is_so])


def _lacks_essentials(registers: Mapping[Field, Fact]) -> bool:
    for field in ESSENTIAL:
        known = registers.get(field)
        if known is None or known.value is None:
            return True
    return False


def _below_relay(fact: Fact | None) -> bool:
    return fact is None or fact.quality < Quality.RELAY


def _is_unmapped(package: PackageRef | None) -> bool:
    return package is not None and package.key is None


def _said_after(facts: BookingFacts, terminal: Evidence) -> bool:
    return any(fact.evidence.event_time > terminal.event_time for fact in facts.registers.values())
