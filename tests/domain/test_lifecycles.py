"""Lifecycles are total tables, and nothing moves but along them."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bst_domain.booking import NO_OPS, NOTHING, BookingFacts, TerminalStatus, merge, project
from bst_domain.lifecycles import (
    ACTION_STARTS,
    DEAD_LETTER,
    ENTRY_AFTER,
    EVENT,
    FULFILMENT,
    MAPPING,
    MAPPING_AFTER,
    PAYMENT,
    PUBLISH_JOB,
    SETTLED,
    UNMAPPED,
    DeadLetterStatus,
    FourEyes,
    Lifecycle,
    MappingStatus,
    NotAllowed,
    ProcessStatus,
    PublishAction,
    PublishRefusal,
    PublishStatus,
    UnmappedStatus,
    refuse_publish_action,
    same_actor,
)
from bst_domain.values import FulfilmentStatus, PaymentStatus
from bst_testing.strategies import event_facts, event_id_of, ops_inputs, today

ALL: list[tuple[Lifecycle[Any], type[StrEnum]]] = [
    (DEAD_LETTER, DeadLetterStatus),
    (UNMAPPED, UnmappedStatus),
    (EVENT, ProcessStatus),
    (MAPPING, MappingStatus),
    (PUBLISH_JOB, PublishStatus),
    (PAYMENT, PaymentStatus),
    (FULFILMENT, FulfilmentStatus),
]


@pytest.mark.parametrize(("lifecycle", "statuses"), ALL, ids=lambda value: getattr(value, "title", ""))
def test_every_status_has_its_successors(lifecycle: Lifecycle[Any], statuses: type[StrEnum]) -> None:
    assert lifecycle.transitions.keys() == set(statuses)
    assert lifecycle.starts
    assert lifecycle.starts <= set(statuses)
    for status, successors in lifecycle.transitions.items():
        assert successors <= set(statuses)
        assert status not in successors


@pytest.mark.parametrize(("lifecycle", "statuses"), ALL, ids=lambda value: getattr(value, "title", ""))
def test_every_status_can_be_reached(lifecycle: Lifecycle[Any], statuses: type[StrEnum]) -> None:
    reached, new = set[Any](), set(lifecycle.starts)
    while new:
        reached |= new
        new = {successor for status in new for successor in lifecycle.transitions[status]} - reached
    assert reached == set(statuses)


def test_the_terminal_states_are_explicit() -> None:
    assert DEAD_LETTER.terminals == {DeadLetterStatus.CLOSED}
    assert UNMAPPED.terminals == {UnmappedStatus.CLOSED}
    assert PUBLISH_JOB.terminals == {PublishStatus.PUBLISHED}
    assert not EVENT.terminals
    assert not MAPPING.terminals
    assert {UnmappedStatus.RESOLVED, UnmappedStatus.CLOSED} == SETTLED


#: semantics 7, written out once more, so that a slip in the table shows.
DEAD_LETTER_RULES = """OPEN -> READY, RESOLVED, CLOSED; READY -> REPLAYING; REPLAYING -> SUCCEEDED, FAILED, READY;
FAILED -> READY, RESOLVED, CLOSED; SUCCEEDED -> CLOSED; RESOLVED -> CLOSED; CLOSED ->"""
UNMAPPED_RULES = (
    "OPEN -> IN_REVIEW, RESOLVED, CLOSED; IN_REVIEW -> OPEN, RESOLVED, CLOSED; RESOLVED -> CLOSED; CLOSED ->"
)
PUBLISH_RULES = "DRAFT -> IN_REVIEW; IN_REVIEW -> PUBLISHED, FAILED; FAILED -> IN_REVIEW; PUBLISHED ->"
EVENT_RULES = (
    "RECEIVED -> PROCESSING, DONE, FAILED; PROCESSING -> RECEIVED, DONE, FAILED; DONE -> FAILED; FAILED -> RECEIVED"
)
PAYMENT_RULES = """DRAFT -> PENDING_PAYMENT, FAILED, PAID, REFUNDED; PENDING_PAYMENT -> FAILED, PAID, REFUNDED;
FAILED -> PENDING_PAYMENT, PAID, REFUNDED; PAID -> REFUNDED; REFUNDED -> PAID"""
MAPPING_RULES = """MAPPED -> UNMAPPED, REVIEW_REQUIRED; UNMAPPED -> MAPPED, REVIEW_REQUIRED;
REVIEW_REQUIRED -> MAPPED, UNMAPPED"""


@pytest.mark.parametrize(
    ("lifecycle", "rules"),
    [
        (DEAD_LETTER, DEAD_LETTER_RULES),
        (UNMAPPED, UNMAPPED_RULES),
        (PUBLISH_JOB, PUBLISH_RULES),
        (EVENT, EVENT_RULES),
        (PAYMENT, PAYMENT_RULES),
        (MAPPING, MAPPING_RULES),
    ],
)
def test_the_tables_are_those_of_the_semantics(lifecycle: Lifecycle[Any], rules: str) -> None:
    written = {}
    for line in rules.split(";"):
        status, _, successors = line.partition("->")
        written[status.strip()] = {word.strip() for word in successors.split(",") if word.strip()}
    assert {status: set(successors) for status, successors in lifecycle.transitions.items()} == written


def test_a_terminal_fulfilment_status_gives_way_to_an_earlier_one_only() -> None:
    terminal = {FulfilmentStatus.CANCELLED, FulfilmentStatus.NO_SHOW}
    for status in FulfilmentStatus:
        expected = terminal - {status} if status in terminal else set(FulfilmentStatus) - {status}
        assert FULFILMENT.transitions[status] == expected


@given(st.sampled_from(ALL), st.data())
def test_a_move_is_refused_exactly_where_the_table_has_none(
    entry: tuple[Lifecycle[Any], type[StrEnum]], data: st.DataObject
) -> None:
    lifecycle, statuses = entry
    current, wanted = data.draw(st.sampled_from(statuses)), data.draw(st.sampled_from(statuses))
    refused = lifecycle.refuse(current, wanted)
    if wanted in lifecycle.transitions[current]:
        assert refused is None
    else:
        allowed = tuple(sorted(lifecycle.transitions[current]))
        assert refused == NotAllowed(lifecycle.title, current, wanted, allowed)


def test_a_refusal_says_what_would_be_allowed() -> None:
    refused = DEAD_LETTER.refuse(DeadLetterStatus.OPEN, DeadLetterStatus.REPLAYING)
    assert str(refused) == "dead letter: OPEN cannot become REPLAYING, only CLOSED, READY, RESOLVED"
    final = DEAD_LETTER.refuse(DeadLetterStatus.CLOSED, DeadLetterStatus.OPEN)
    assert str(final) == "dead letter: CLOSED is final"


class Walk(RuleBasedStateMachine):
    """Any machine, asked for any move at any time, stays on its table."""

    @initialize(entry=st.sampled_from(ALL), data=st.data())
    def start(self, entry: tuple[Lifecycle[Any], type[StrEnum]], data: st.DataObject) -> None:
        self.lifecycle, self.statuses = entry
        self.history = [data.draw(st.sampled_from(sorted(self.lifecycle.starts)))]

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        wanted = data.draw(st.sampled_from(self.statuses))
        if self.lifecycle.refuse(self.history[-1], wanted) is None:
            self.history.append(wanted)

    @invariant()
    def nothing_leaves_a_terminal_state(self) -> None:
        if hasattr(self, "history"):
            assert not self.lifecycle.terminals & set(self.history[:-1])


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=50, stateful_step_count=20)


class PublishDesk(RuleBasedStateMachine):
    """Editors and publishers on one job: with four eyes nobody publishes what nobody else has looked at."""

    @initialize(
        rules=st.builds(FourEyes, reviewer_is_not_creator=st.booleans(), publisher_is_not_reviewer=st.booleans())
    )
    def open_job(self, rules: FourEyes) -> None:
        self.four_eyes = rules
        self.status, self.creator = PublishStatus.DRAFT, "ayu"
        self.reviewer: str | None = None
        self.published_by: str | None = None

    @rule(action=st.sampled_from(PublishAction), actor=st.sampled_from(["ayu", " AYU ", "budi"]), works=st.booleans())
    def act(self, action: PublishAction, actor: str, works: bool) -> None:
        before = self.status
        refused = refuse_publish_action(
            action, status=self.status, actor=actor, creator=self.creator, reviewer=self.reviewer, rules=self.four_eyes
        )
        if (before not in ACTION_STARTS[action]) or refused is not None:
            assert (refused is PublishRefusal.WRONG_STATUS) == (before not in ACTION_STARTS[action])
            return
        if action is not PublishAction.PUBLISH:
            assert PUBLISH_JOB.refuse(self.status, PublishStatus.IN_REVIEW) is None
            self.status, self.reviewer = PublishStatus.IN_REVIEW, actor
        if action is not PublishAction.SUBMIT_REVIEW:
            target = PublishStatus.PUBLISHED if works else PublishStatus.FAILED
            assert PUBLISH_JOB.refuse(self.status, target) is None
            self.status, self.published_by = target, actor

    @invariant()
    def four_eyes_saw_it(self) -> None:
        if not hasattr(self, "rules") or self.status is not PublishStatus.PUBLISHED:
            return
        if self.four_eyes.reviewer_is_not_creator:
            assert not same_actor(self.reviewer, self.creator)
        if self.four_eyes.publisher_is_not_reviewer:
            assert not same_actor(self.published_by, self.reviewer)


TestPublishDesk = PublishDesk.TestCase
TestPublishDesk.settings = settings(max_examples=80, stateful_step_count=12)


def refuse(action: PublishAction, status: PublishStatus, **who: Any) -> PublishRefusal | None:
    strict = FourEyes(reviewer_is_not_creator=True, publisher_is_not_reviewer=True)
    given_: dict[str, Any] = {"actor": "ayu", "creator": "ayu", "reviewer": "ayu", "rules": strict} | who
    return refuse_publish_action(action, status=status, **given_)


def test_who_may_take_which_step() -> None:
    submit, publish, retry = PublishAction.SUBMIT_REVIEW, PublishAction.PUBLISH, PublishAction.RETRY
    draft, review, failed = PublishStatus.DRAFT, PublishStatus.IN_REVIEW, PublishStatus.FAILED
    off = FourEyes()
    assert refuse(submit, draft) is PublishRefusal.REVIEWER_IS_CREATOR
    assert refuse(submit, failed, actor="budi") is None
    assert refuse(submit, draft, rules=off) is None
    assert refuse(publish, review) is PublishRefusal.PUBLISHER_IS_REVIEWER
    assert refuse(publish, review, actor="budi") is None
    assert refuse(publish, review, rules=off) is None
    assert refuse(publish, review, rules=FourEyes(reviewer_is_not_creator=True)) is None
    assert refuse(submit, draft, rules=FourEyes(publisher_is_not_reviewer=True)) is None
    assert refuse(retry, failed) is PublishRefusal.RETRY_SKIPS_REVIEW
    assert refuse(retry, failed, actor="budi") is PublishRefusal.RETRY_SKIPS_REVIEW
    assert refuse(retry, failed, rules=FourEyes(reviewer_is_not_creator=True)) is PublishRefusal.REVIEWER_IS_CREATOR
    assert refuse(retry, failed, actor="budi", rules=FourEyes(reviewer_is_not_creator=True)) is None
    assert refuse(retry, failed, rules=off) is None
    assert refuse(retry, draft) is PublishRefusal.WRONG_STATUS
    assert refuse(publish, PublishStatus.PUBLISHED) is PublishRefusal.WRONG_STATUS


def test_an_unknown_actor_is_nobody_twice() -> None:
    assert same_actor(" Ayu", "ayu ")
    assert not same_actor(None, None)
    assert not same_actor("", " ")
    assert not same_actor("ayu", None)
    assert not same_actor(None, "ayu")
    assert not same_actor("ayu", "budi")


def live(facts: BookingFacts) -> bool:
    """Without captures of nothing: a provider that takes its money back by a correction is no case of the table."""
    return all(fact.amount > 0 for fact in facts.payments.values())


@given(st.lists(event_facts().filter(live), min_size=2, max_size=8, unique_by=event_id_of), ops_inputs, today)
def test_both_statuses_of_a_booking_move_along_their_tables(said: list[BookingFacts], ops: Any, day: date) -> None:
    facts = NOTHING
    shown = None
    for new in said:
        facts = merge(facts, new)
        booking = project(facts, ops, day)
        if shown is not None:
            if booking.payment_status is not shown.payment_status:
                assert PAYMENT.refuse(shown.payment_status, booking.payment_status) is None
            if booking.fulfilment_status is not shown.fulfilment_status:
                assert FULFILMENT.refuse(shown.fulfilment_status, booking.fulfilment_status) is None
        shown = booking


@given(event_facts())
def test_only_a_reinstatement_lifts_a_terminal_status(said: BookingFacts) -> None:
    assert said.first is not None
    cancelled = evolve(said, terminals={said.first.event_id: (TerminalStatus.CANCELLED, said.first)})
    day = date(2020, 1, 1)
    assert project(cancelled, NO_OPS, day).fulfilment_status is FulfilmentStatus.CANCELLED
    later = evolve(said.first, event_time=said.first.event_time + timedelta(microseconds=1))
    earlier = evolve(said.first, event_time=datetime(2019, 1, 1, tzinfo=UTC))
    lifted = merge(cancelled, BookingFacts(reinstated=later))
    assert project(lifted, NO_OPS, day).fulfilment_status is not FulfilmentStatus.CANCELLED
    still = merge(cancelled, BookingFacts(reinstated=earlier))
    assert project(still, NO_OPS, day).fulfilment_status is FulfilmentStatus.CANCELLED


def test_a_mapping_and_the_entry_that_waits_for_it_say_the_same() -> None:
    assert ENTRY_AFTER.keys() == set(MappingStatus)
    assert MAPPING_AFTER.keys() == set(UnmappedStatus)
    for status, entry in ENTRY_AFTER.items():
        assert MAPPING_AFTER[entry] is status
        assert entry is UnmappedStatus.OPEN or UNMAPPED.refuse(UnmappedStatus.OPEN, entry) is None
    assert [entry for entry, status in MAPPING_AFTER.items() if status is None] == [UnmappedStatus.CLOSED]
