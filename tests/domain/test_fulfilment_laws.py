"""Fulfilment: terminal stays terminal, first match wins, ops hear of every change once."""

from datetime import date, timedelta
from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import (
    NO_OPS,
    BookingFacts,
    Evidence,
    Fact,
    Field,
    OpsInputs,
    TerminalStatus,
    acknowledge,
    fulfilment_status,
    merge,
    shown,
    terminal_fact,
    unacknowledged_changes,
)
from bst_domain.values import EventType, FulfilmentStatus
from bst_testing.strategies import ACCEPTED_AT, fact_lists, ops_inputs, today
from tests.domain.test_merge_laws import fold

FAR = date(2020, 1, 1)


def said(field: Field, value: str | int | None, kind: EventType, at: int, number: int) -> BookingFacts:
    evidence = Evidence(
        event_id=UUID(int=number), event_time=ACCEPTED_AT + timedelta(seconds=at), source="GYG", event_type=kind
    )
    fact = Fact(value, 0, evidence)
    created = kind is EventType.CREATED
    return BookingFacts(
        registers={field: fact},
        created={field: fact} if created else {},
        first=evidence,
        creation=evidence if created else None,
    )


@given(fact_lists, st.sampled_from(TerminalStatus), ops_inputs, today)
def test_terminal_stays_terminal(
    facts_said: list[BookingFacts], status: TerminalStatus, ops: OpsInputs, day: date
) -> None:
    end = said(Field.NOTE, None, EventType.CANCELLED, 0, 1).first
    assert end is not None
    facts = BookingFacts(first=end, terminals={end.event_id: (status, end)})
    for one in facts_said:
        facts = merge(facts, evolve(one, reinstated=None))  # only an admin's reinstatement lifts it
        assert fulfilment_status(facts, ops, day) in {FulfilmentStatus.CANCELLED, FulfilmentStatus.NO_SHOW}


@given(fact_lists, ops_inputs, today)
def test_first_match_wins(facts_said: list[BookingFacts], ops: OpsInputs, day: date) -> None:
    facts = fold(facts_said)
    status = fulfilment_status(facts, ops, day)
    settled = 0 < ops.finance_items <= ops.finance_items_paid
    if (terminal := terminal_fact(facts)) is not None:
        assert status.value == terminal[0].value
    elif settled:
        assert status is FulfilmentStatus.DONE
    elif ops.finance_validated:
        assert status is FulfilmentStatus.COMPLETED
    elif facts.override is not None:
        assert status == facts.override.status
    elif (fact := shown(facts).get(Field.TOUR_DATE)) is not None and str(fact.value) <= day.isoformat():
        assert status is FulfilmentStatus.ATTENTION
    elif unacknowledged_changes(facts):
        assert status is FulfilmentStatus.UPDATED
    elif ops.driver_assigned and ops.cost_pattern_set:
        assert status is FulfilmentStatus.READY
    else:
        assert status is FulfilmentStatus.NEW


@given(fact_lists, ops_inputs)
def test_a_payment_alone_never_makes_a_booking_done(facts_said: list[BookingFacts], ops: OpsInputs) -> None:
    open_books = evolve(ops, finance_items_paid=0, finance_validated=False)
    facts = fold(facts_said)
    bare = evolve(facts, payments={})
    assert fulfilment_status(facts, open_books, FAR) == fulfilment_status(bare, open_books, FAR)
    assert fulfilment_status(facts, open_books, FAR) is not FulfilmentStatus.DONE


@given(fact_lists)
def test_an_acknowledgement_covers_what_ops_saw(facts_said: list[BookingFacts]) -> None:
    facts = fold(facts_said)
    assert unacknowledged_changes(merge(facts, acknowledge(facts))) == []


def test_a_change_that_arrives_after_the_acknowledgement_is_new_whatever_its_event_time() -> None:
    created = said(Field.ADULT, 2, EventType.CREATED, 0, 1)
    seen = fold([created, said(Field.ADULT, 3, EventType.UPDATED, 10, 2)])
    acknowledged = merge(seen, acknowledge(seen))
    assert fulfilment_status(acknowledged, NO_OPS, FAR) is FulfilmentStatus.NEW
    for number, at in ((3, 20), (4, 10)):  # later, and at the same time as what ops saw
        changed = merge(acknowledged, said(Field.ADULT, 4, EventType.UPDATED, at, number))
        assert fulfilment_status(changed, NO_OPS, FAR) is FulfilmentStatus.UPDATED
    other = merge(acknowledged, said(Field.CHILD, 1, EventType.UPDATED, 5, 5))  # nothing counts as different
    assert fulfilment_status(other, NO_OPS, FAR) is FulfilmentStatus.UPDATED


def test_a_booking_known_only_from_updates_compares_with_nothing() -> None:
    update = said(Field.ADULT, 3, EventType.UPDATED, 10, 2)
    assert fulfilment_status(update, NO_OPS, FAR) is FulfilmentStatus.NEW
    with_creation = merge(update, said(Field.ADULT, 2, EventType.CREATED, 0, 1))
    assert fulfilment_status(with_creation, NO_OPS, FAR) is FulfilmentStatus.UPDATED


def test_back_to_what_created_said_is_no_change() -> None:
    events = [
        said(Field.ADULT, 2, EventType.CREATED, 0, 1),
        said(Field.ADULT, 3, EventType.UPDATED, 1, 2),
        said(Field.ADULT, 2, EventType.UPDATED, 2, 3),
    ]
    assert fulfilment_status(fold(events), NO_OPS, FAR) is FulfilmentStatus.NEW


def test_the_earlier_of_two_terminal_facts_counts_and_a_reinstatement_lifts_what_is_before_it() -> None:
    def terminal(status: TerminalStatus, at: int, number: int) -> BookingFacts:
        base = said(Field.NOTE, None, EventType.CANCELLED, at, number)
        assert base.first is not None
        return BookingFacts(first=base.first, terminals={base.first.event_id: (status, base.first)})

    cancelled, no_show = terminal(TerminalStatus.CANCELLED, 5, 1), terminal(TerminalStatus.NO_SHOW, 3, 2)
    both = fold([cancelled, no_show])
    assert fulfilment_status(both, NO_OPS, FAR) is FulfilmentStatus.NO_SHOW
    lifting = said(Field.NOTE, None, EventType.UPDATED, 4, 3).first
    lifted = merge(both, BookingFacts(first=lifting, reinstated=lifting))
    assert fulfilment_status(lifted, NO_OPS, FAR) is FulfilmentStatus.CANCELLED  # said after the reinstatement
