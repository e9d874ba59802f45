"""Operators: what they say holds until somebody says something later, and what two systems dispute waits for a person."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import (
    NO_OPS,
    BookingFacts,
    Field,
    OpsInputs,
    PackageRef,
    PackageRefType,
    Reason,
    TerminalStands,
    TerminalStatus,
    acknowledge,
    decide_status,
    edit,
    fulfilment_status,
    hold,
    lift,
    merge,
    operator_evidence,
    project,
    shown,
    terminal_fact,
    unacknowledged_changes,
)
from bst_domain.values import EventType, FulfilmentStatus
from bst_testing.strategies import ACCEPTED_AT, fact_lists, ops_inputs
from tests.domain.test_fulfilment_laws import FAR, said
from tests.domain.test_merge_laws import fold

OWN, CONFLICT = UUID(int=7), UUID(int=9)
TERMINAL = {FulfilmentStatus.CANCELLED, FulfilmentStatus.NO_SHOW}
values = st.fixed_dictionaries(
    {},
    optional={
        Field.NOTE: st.sampled_from(["vegetarian", None]),
        Field.MEETING_POINT: st.sampled_from(["lobby", None]),
        Field.PACKAGE: st.just(PackageRef(PackageRefType.CATALOG_VARIANT, UUID(int=3), None)),
    },
).filter(bool)
#: Clocks of channels run ahead and behind: some facts are from after this moment.
moments = st.sampled_from([datetime(2026, 3, 1, tzinfo=UTC), ACCEPTED_AT])


@given(fact_lists, values, moments)
def test_an_edit_holds_whatever_the_channels_clock_says(
    facts_said: list[BookingFacts], wanted: dict[Field, str], now: datetime
) -> None:
    facts = fold(facts_said)
    facts = merge(facts, edit(wanted, operator_evidence(facts, OWN, now)))
    assert {about: facts.registers[about].value for about in wanted} == wanted
    assert all(facts.registers[about].evidence.event_id == OWN for about in wanted)


@given(fact_lists, values, moments)
def test_ops_need_not_acknowledge_what_they_said_themselves(
    facts_said: list[BookingFacts], wanted: dict[Field, str], now: datetime
) -> None:
    before = fold(facts_said)
    after = merge(before, edit(wanted, operator_evidence(before, OWN, now)))
    assert set(unacknowledged_changes(after)) <= set(unacknowledged_changes(before)) - set(wanted)


def test_a_later_event_of_the_channel_wins_over_an_edit() -> None:
    created = said(Field.MEETING_POINT, "gate", EventType.CREATED, 0, 1)
    edited = merge(created, edit({Field.MEETING_POINT: "lobby"}, operator_evidence(created, OWN, ACCEPTED_AT)))
    assert fulfilment_status(edited, NO_OPS, FAR) is FulfilmentStatus.NEW
    later = merge(edited, said(Field.MEETING_POINT, "pool", EventType.UPDATED, 60, 2))
    assert later.registers[Field.MEETING_POINT].value == "pool"
    assert fulfilment_status(later, NO_OPS, FAR) is FulfilmentStatus.UPDATED


@given(fact_lists, st.sampled_from(FulfilmentStatus), st.booleans(), moments, ops_inputs)
def test_a_status_by_hand_holds_unless_something_stands_above_it(
    facts_said: list[BookingFacts], status: FulfilmentStatus, reinstate: bool, now: datetime, ops: OpsInputs
) -> None:
    facts = fold(facts_said)
    standing = terminal_fact(facts)
    decided = decide_status(
        facts, status, actor="ayu", reason="r", reinstate=reinstate, evidence=operator_evidence(facts, OWN, now)
    )
    if standing is not None and standing[0].value != status.value and not reinstate:
        assert decided == TerminalStands(standing[0])
        return
    assert isinstance(decided, BookingFacts)
    after = merge(facts, decided)
    if status in TERMINAL:
        assert fulfilment_status(after, ops, ACCEPTED_AT.date()) is status
    else:
        assert terminal_fact(after) is None
        open_books = evolve(ops, finance_items_paid=0, finance_validated=False)
        assert fulfilment_status(after, open_books, ACCEPTED_AT.date()) is status
        finished = ops.finance_validated or 0 < ops.finance_items <= ops.finance_items_paid
        assert (Reason.MANUAL_OVERRIDE in project(after, ops, ACCEPTED_AT.date()).reasons) is not finished
        assert Reason.MANUAL_OVERRIDE in project(after, open_books, ACCEPTED_AT.date()).reasons


def test_what_is_cancelled_again_after_a_reinstatement_is_cancelled() -> None:
    end = said(Field.NOTE, None, EventType.CANCELLED, 0, 1).first
    assert end is not None
    facts = BookingFacts(first=end, terminals={end.event_id: (TerminalStatus.CANCELLED, end)})
    back = decide_status(
        facts,
        FulfilmentStatus.READY,
        actor="ayu",
        reason="the guest came back",
        reinstate=True,
        evidence=operator_evidence(facts, OWN, ACCEPTED_AT),
    )
    assert isinstance(back, BookingFacts)
    facts = merge(facts, back)
    assert fulfilment_status(facts, NO_OPS, FAR) is FulfilmentStatus.READY
    again = said(Field.NOTE, None, EventType.CANCELLED, 60, 2).first
    assert again is not None
    facts = merge(facts, BookingFacts(terminals={again.event_id: (TerminalStatus.CANCELLED, again)}))
    assert fulfilment_status(facts, NO_OPS, FAR) is FulfilmentStatus.CANCELLED


@given(fact_lists, st.integers(0, 8), st.sets(st.sampled_from([Field.TOUR_DATE, Field.TOTAL_PRICE]), min_size=1))
def test_disputed_fields_show_what_they_showed_until_somebody_decides(
    facts_said: list[BookingFacts], cut: int, fields: set[Field]
) -> None:
    facts_said = [evolve(one, holds={}) for one in facts_said]
    before, later = fold(facts_said[:cut]), fold(facts_said[cut:])
    held = merge(merge(before, hold(before, CONFLICT, fields, ACCEPTED_AT)), later)
    for about in fields:
        assert shown(held).get(about) == shown(before).get(about)
    for about in set(Field) - fields:
        assert shown(held).get(about) == merge(before, later).registers.get(about)
    decided = merge(held, lift(held, CONFLICT))
    assert shown(decided) == merge(before, later).registers
    assert merge(lift(held, CONFLICT), held) == decided


def test_a_disputed_booking_is_marked_and_its_tour_day_is_the_one_that_is_shown() -> None:
    created = said(Field.TOUR_DATE, "2026-05-01", EventType.CREATED, 0, 1)
    held = merge(created, hold(created, CONFLICT, [Field.TOUR_DATE], ACCEPTED_AT))
    moved = merge(held, said(Field.TOUR_DATE, "2031-01-01", EventType.UPDATED, 60, 2))
    day = ACCEPTED_AT.date()
    booking = project(moved, NO_OPS, day)
    assert Reason.REVIEW_REQUIRED in booking.reasons
    assert (str(booking.tour_date), booking.fulfilment_status) == ("2026-05-01", FulfilmentStatus.ATTENTION)
    assert booking.provenance[Field.TOUR_DATE].event_id == UUID(int=1)
    decided = project(merge(moved, lift(moved, CONFLICT)), NO_OPS, day)
    assert Reason.REVIEW_REQUIRED not in decided.reasons
    assert (str(decided.tour_date), decided.fulfilment_status) == ("2031-01-01", FulfilmentStatus.UPDATED)


def test_of_two_conflicts_about_a_field_the_older_one_decides_what_is_shown() -> None:
    first = said(Field.TOUR_DATE, "2026-05-01", EventType.CREATED, 0, 1)
    facts = merge(first, hold(first, CONFLICT, [Field.TOUR_DATE], ACCEPTED_AT))
    second = merge(first, said(Field.TOUR_DATE, "2026-05-02", EventType.UPDATED, 60, 2))
    other = UUID(int=1)
    facts = merge(facts, hold(second, other, [Field.TOUR_DATE], ACCEPTED_AT + timedelta(seconds=1)))
    assert shown(facts)[Field.TOUR_DATE].value == "2026-05-01"
    assert shown(merge(facts, lift(facts, CONFLICT)))[Field.TOUR_DATE].value == "2026-05-02"


def test_an_acknowledgement_of_an_earlier_version_covers_nothing_that_came_after_it() -> None:
    created = said(Field.ADULT, 2, EventType.CREATED, 0, 1)
    seen = merge(created, said(Field.CHILD, 1, EventType.UPDATED, 1, 2))
    facts = merge(seen, said(Field.ADULT, 3, EventType.UPDATED, 2, 3))
    late = merge(facts, acknowledge(facts, {UUID(int=3)}))
    assert unacknowledged_changes(late) == [Field.ADULT]
    assert unacknowledged_changes(merge(facts, acknowledge(facts))) == []
