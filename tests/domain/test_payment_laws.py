"""Payments: the status is a function of the set of facts."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import (
    NO_OPS,
    RETURNS,
    BookingFacts,
    PaymentFact,
    Reason,
    balance,
    distinct,
    merge,
    payment_status,
    project,
)
from bst_domain.values import PaymentKind, PaymentStatus
from bst_domain.vocabulary import PAYMENT_WORDS, UnknownPaymentWord, payment_kind
from bst_testing.strategies import ACCEPTED_AT, fact_lists
from tests.domain.test_merge_laws import fold

DAY = date(2026, 1, 1)


def paid(kind: PaymentKind, ref: str, amount: str = "100", **other: Any) -> PaymentFact:
    fact = PaymentFact(
        provider="PAYPAL",
        kind=kind,
        reference=ref,
        order_id=None,
        amount=Decimal(amount),
        currency="USD",
        instant=ACCEPTED_AT,
        raw_status="?",
        partially_returned=False,
        event_id=UUID(int=1),
        event_time=ACCEPTED_AT,
    )
    return evolve(fact, **other)


def status(facts: Sequence[PaymentFact]) -> PaymentStatus:
    return payment_status(balance(facts, "USD"))


@given(fact_lists)
def test_paid_never_becomes_pending_payment_without_a_return(said: list[BookingFacts]) -> None:
    capture = paid(PaymentKind.CAPTURED, "P-100", "1000000")  # more than anything that is returned in these stories
    before, new = merge(fold(said[:-1]), BookingFacts(first=said[0].first, payments={capture.key: capture})), said[-1]
    assert project(before, NO_OPS, DAY).payment_status is PaymentStatus.PAID
    assert project(merge(before, new), NO_OPS, DAY).payment_status is PaymentStatus.PAID
    back = paid(PaymentKind.REVERSED, "R-100", "1000000")
    returned = merge(before, BookingFacts(payments={back.key: back}))
    others = {key for key in before.payments if key[1] is PaymentKind.CAPTURED} - {capture.key}
    assert others or project(returned, NO_OPS, DAY).payment_status is PaymentStatus.REFUNDED


@given(st.permutations([PaymentKind.CAPTURED, PaymentKind.PENDING, PaymentKind.FAILED, PaymentKind.VOIDED]))
def test_a_capture_outweighs_every_attempt(kinds: Sequence[PaymentKind]) -> None:
    assert status([paid(kind, f"P{at}") for at, kind in enumerate(kinds)]) is PaymentStatus.PAID


@pytest.mark.parametrize("back", sorted(RETURNS))
def test_a_full_return_is_refunded_and_a_part_is_not(back: PaymentKind) -> None:
    capture = paid(PaymentKind.CAPTURED, "P")
    assert status([capture, paid(back, "R", "99.99")]) is PaymentStatus.PAID
    assert status([capture, paid(back, "R", "100.00")]) is PaymentStatus.REFUNDED
    assert status([capture, paid(back, "R", "60"), paid(back, "S", "40")]) is PaymentStatus.REFUNDED


def test_currencies_are_never_added_together() -> None:
    facts = [paid(PaymentKind.CAPTURED, "P"), paid(PaymentKind.CAPTURED, "Q", currency="EUR")]
    assert status([*facts, paid(PaymentKind.REFUNDED, "R", "200")]) is PaymentStatus.PAID
    full = [*facts, paid(PaymentKind.REFUNDED, "R"), paid(PaymentKind.REFUNDED, "S", currency="EUR")]
    assert status(full) is PaymentStatus.REFUNDED


def test_the_same_capture_reported_twice_counts_once() -> None:
    by_order = paid(PaymentKind.CAPTURED, "O-1", order_id="O-1")
    by_capture = paid(PaymentKind.CAPTURED, "P-1", order_id="O-1")
    assert distinct([by_order, by_capture]) == [by_capture]
    assert status([by_order, by_capture, paid(PaymentKind.REFUNDED, "R")]) is PaymentStatus.REFUNDED


def test_a_weak_capture_is_gone_once_a_real_one_exists() -> None:
    weak = paid(PaymentKind.CAPTURED, "17", weak=True)
    assert status([weak]) is PaymentStatus.PAID
    assert status([weak, paid(PaymentKind.CAPTURED, "P"), paid(PaymentKind.REFUNDED, "R")]) is PaymentStatus.REFUNDED


def test_the_latest_attempt_by_the_providers_instant_decides() -> None:
    early = paid(PaymentKind.FAILED, "P", instant=ACCEPTED_AT.replace(month=5))
    late = paid(PaymentKind.PENDING, "Q")
    assert status([early, late]) is status([late, early]) is PaymentStatus.PENDING_PAYMENT


def test_without_any_fact_the_legacy_word_counts() -> None:
    empty = balance([], None)
    assert payment_status(empty) is PaymentStatus.PENDING_PAYMENT
    for word in PaymentStatus:
        assert payment_status(empty, word) is word
    attempt = balance([paid(PaymentKind.FAILED, "P")], None)
    assert payment_status(attempt, PaymentStatus.PAID) is PaymentStatus.FAILED


@given(fact_lists)
def test_a_partial_refund_is_shown(said: list[BookingFacts]) -> None:
    booking = project(fold(said), NO_OPS, DAY)
    sums = balance(fold(said).payments.values(), None if booking.total is None else booking.total.currency)
    partly = booking.payment_status is PaymentStatus.PAID and sums.partially_returned
    assert (Reason.PARTIAL_REFUND in booking.reasons) == partly


@given(st.text(), st.text())
def test_an_unknown_payment_word_is_named_never_guessed(provider: str, word: str) -> None:
    kind = payment_kind(provider, word)
    if word.upper() in PAYMENT_WORDS.get(provider.upper(), {}):
        assert isinstance(kind, PaymentKind)
    else:
        assert kind == UnknownPaymentWord(provider.upper(), word)
        assert repr(word if provider.upper() in PAYMENT_WORDS else provider.upper()) in str(kind)


OTHER = UUID(int=2)


def test_the_shops_own_name_of_a_capture_and_its_id_are_one_payment() -> None:
    moved_in = paid(PaymentKind.CAPTURED, "C-1", order_id="O-1", origin=0, also_called="PAY-1", event_id=OTHER)
    live = paid(PaymentKind.CAPTURED, "PAY-1", order_id="O-1")
    assert distinct([moved_in, live]) == distinct([live, moved_in]) == [live]
    back = paid(PaymentKind.REFUNDED, "R")
    assert status([moved_in, live, back]) is PaymentStatus.REFUNDED
    assert status([evolve(moved_in, also_called=None), live, back]) is PaymentStatus.PAID
    elsewhere = evolve(moved_in, provider="MIDTRANS")  # the shop's live events know no provider but one
    assert distinct([elsewhere, live]) == [live]


def test_a_name_that_several_captures_share_is_one_of_them() -> None:
    captures = [
        paid(PaymentKind.CAPTURED, ref, origin=0, also_called="PAY-1", event_id=OTHER) for ref in ("C-1", "C-2")
    ]
    live = paid(PaymentKind.CAPTURED, "PAY-1")
    assert distinct([*captures, live]) == captures


def test_an_orders_id_that_the_old_shop_kept_as_its_name_is_its_capture() -> None:
    moved_in = paid(PaymentKind.CAPTURED, "O-1", origin=0)  # no capture id, no order column: the name is the order's id
    live = paid(PaymentKind.CAPTURED, "C-1", order_id="O-1")
    assert distinct([moved_in, live]) == distinct([live, moved_in]) == [live]


named_facts = st.lists(
    st.builds(
        lambda ref, called, origin, at, number: paid(
            PaymentKind.CAPTURED,
            ref,
            also_called=called if origin == 0 and called != ref else None,
            origin=origin,
            event_time=ACCEPTED_AT.replace(minute=at),
            event_id=UUID(int=number),
        ),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([None, "A", "B", "D"]),
        st.sampled_from([0, 1]),
        st.integers(0, 3),
        st.integers(1, 9),
    ),
    max_size=6,
)


@given(named_facts, st.randoms())
def test_which_payments_are_distinct_does_not_depend_on_the_order_of_facts(
    facts: list[PaymentFact], random: Any
) -> None:
    def folded(said: list[PaymentFact]) -> BookingFacts:
        total = BookingFacts()
        for fact in said:
            total = merge(total, BookingFacts(payments={fact.key: fact}))
        return total

    shuffled = list(facts)
    random.shuffle(shuffled)
    one, other = folded(facts), folded(shuffled)
    if len({(f.origin, f.event_time, f.event_id) for f in facts}) == len(facts):
        assert one == other
        assert {f.key for f in distinct(one.payments.values())} == {f.key for f in distinct(other.payments.values())}
    kept = distinct(one.payments.values())
    assert not facts or kept, "something is left of a payment that somebody reported"
    assert distinct(kept) == kept
