"""The law that holds everything together: a booking is the merge of its facts, in any order, with any duplicates."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import (
    NOTHING,
    BookingFacts,
    OpsInputs,
    acknowledge,
    converter,
    facts_from_document,
    facts_to_document,
    merge,
    project,
)
from bst_testing.strategies import fact_lists, ops_inputs, today


def fold(facts: Iterable[BookingFacts]) -> BookingFacts:
    return reduce(merge, facts, NOTHING)


# One list is cut in pieces rather than several drawn: one event has one set of facts.
@given(fact_lists, st.integers(0, 8))
def test_merge_is_commutative(said: list[BookingFacts], cut: int) -> None:
    a, b = fold(said[:cut]), fold(said[cut:])
    assert merge(a, b) == merge(b, a)


@given(fact_lists, st.integers(0, 8), st.integers(0, 8))
def test_merge_is_associative(said: list[BookingFacts], one: int, other: int) -> None:
    low, high = sorted((one, other))
    x, y, z = fold(said[:low]), fold(said[low:high]), fold(said[high:])
    assert merge(merge(x, y), z) == merge(x, merge(y, z))


@given(fact_lists)
def test_merge_is_idempotent(said: list[BookingFacts]) -> None:
    facts = fold(said)
    assert merge(facts, facts) == facts
    for one in said:
        assert merge(facts, one) == facts
    assert merge(facts, NOTHING) == facts == merge(NOTHING, facts)


@given(fact_lists, ops_inputs, today, st.data())
def test_any_order_and_any_duplicates_give_one_booking(
    said: list[BookingFacts], ops: OpsInputs, day: date, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(said), max_size=5))
    shuffled = data.draw(st.permutations([*said, *again]))
    once, often = fold(said), fold(shuffled)
    assert once == often
    assert project(once, ops, day) == project(often, ops, day)


@given(fact_lists, st.integers(0, 8), st.data())
def test_acknowledgements_commute_with_what_they_have_seen(
    said: list[BookingFacts], cut: int, data: st.DataObject
) -> None:
    seen, later = said[:cut], said[cut:]
    ack = acknowledge(fold(seen))
    shuffled = data.draw(st.permutations([*seen, *later, ack]))
    assert fold([*seen, ack, *later]) == fold(shuffled)


@given(fact_lists)
def test_a_stored_document_is_read_back_as_it_was(said: list[BookingFacts]) -> None:
    facts = fold([*said, acknowledge(fold(said))])
    document = facts_to_document(facts)
    assert merge(facts_from_document(document), BookingFacts(payments=facts.payments)) == facts
    made = converter()
    assert made.structure(made.unstructure(facts), BookingFacts) == facts_from_document(document)


@given(fact_lists)
def test_the_first_event_dates_the_booking(said: list[BookingFacts]) -> None:
    facts = fold(said)
    assert facts.first is not None
    assert project(facts, OpsInputs(), date(2026, 1, 1)).booked_at == min(
        one.first.event_time for one in said if one.first is not None
    )
    assert timedelta(0) <= max(one.first.event_time for one in said if one.first) - facts.first.event_time
