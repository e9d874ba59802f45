"""Laws of taking a back-fill back: what is left is what was said here, whatever back-fill had pushed out."""

from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import (
    OPERATOR,
    BookingFacts,
    RecordedEvent,
    acknowledge,
    acts_of_operators,
    merge,
    said_by,
    taken_back,
)
from bst_domain.migration import LegacyBooking
from bst_testing.strategies import event_facts
from tests.domain.test_backfill_laws import facts_of_rows, legacy_rows
from tests.domain.test_merge_laws import fold


def recorded(facts: BookingFacts) -> RecordedEvent:
    evidence = facts.first
    assert evidence is not None
    return RecordedEvent(
        event_id=evidence.event_id,
        event_time=evidence.event_time,
        source=evidence.source,
        event_type=evidence.event_type,
        said=said_by(facts),
    )


def event_id(facts: BookingFacts) -> UUID:
    assert facts.first is not None
    return facts.first.event_id


live_events = st.lists(event_facts(), min_size=1, max_size=4, unique_by=event_id)


@given(live_events, legacy_rows())
def test_taking_a_back_fill_back_leaves_what_live_events_said(
    live: list[BookingFacts], rows: list[LegacyBooking]
) -> None:
    stored = merge(fold(live), facts_of_rows(rows))
    assert taken_back(stored, map(recorded, live)) == fold(live)


@given(live_events, legacy_rows())
def test_moving_in_again_comes_to_what_it_was(live: list[BookingFacts], rows: list[LegacyBooking]) -> None:
    stored = merge(fold(live), facts_of_rows(rows))
    left = taken_back(stored, map(recorded, live))
    assert left is not None
    assert merge(left, facts_of_rows(rows)) == stored


@given(live_events, legacy_rows())
def test_what_operators_have_seen_stays(live: list[BookingFacts], rows: list[LegacyBooking]) -> None:
    seen = merge(fold(live), acknowledge(fold(live)))
    left = taken_back(merge(seen, facts_of_rows(rows)), map(recorded, live))
    assert left == seen
    assert acts_of_operators(left, ()) == bool(left.acknowledged)


@given(legacy_rows())
def test_nothing_is_left_of_what_back_fill_alone_has_said(rows: list[LegacyBooking]) -> None:
    assert taken_back(facts_of_rows(rows), ()) is None


@given(event_facts(), legacy_rows())
def test_an_operators_word_alone_makes_no_booking(said: BookingFacts, rows: list[LegacyBooking]) -> None:
    edited = evolve(recorded(said), source=OPERATOR)
    assert taken_back(facts_of_rows(rows), [edited]) is None
    assert acts_of_operators(facts_of_rows(rows), [edited])
