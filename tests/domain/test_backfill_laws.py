"""Laws of back-fill: what rows say replaces what they said, live facts stay, and nothing depends on the order of rows."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import (
    NO_OPS,
    BookingFacts,
    Field,
    acknowledge,
    facts_from_document,
    facts_to_document,
    merge,
    project,
    without_backfill,
)
from bst_domain.migration import (
    ExceptionKind,
    LegacyBooking,
    LegacySystem,
    PackageMap,
    Untouched,
    booking_facts,
    case_exceptions,
    cases_of,
    facts_of_untouched,
    legacy_phone,
    payment_facts,
    payment_method,
    said_by_rows,
    stored_done_exceptions,
    unknown_word_exceptions,
)
from bst_domain.values import NS_BOOKING, NS_PAYMENT, FulfilmentStatus, PaymentKind, PaymentStatus, uuid5
from bst_testing.legacy_rows import AT, legacy_booking, legacy_finance, legacy_item, legacy_paid
from bst_testing.strategies import event_facts

SHOP, ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
TODAY = date(2026, 3, 1)
CONTACT = {Field.NAME, Field.EMAIL, Field.PHONE}

times = st.sampled_from([AT, AT + timedelta(seconds=1), AT + timedelta(days=3)])
names = st.sampled_from(["", "Guest", "Annika Brandstätter", "王小明"])
emails = st.sampled_from(["", "n/a", "customer-1@reply.getyourguide.com", "annika@mail.example.org"])


@st.composite
def legacy_rows(draw: st.DrawFn) -> list[LegacyBooking]:
    """One to four rows of one booking, ids unique within their system."""
    rows = []
    for number in range(draw(st.integers(1, 4))):
        system = draw(st.sampled_from(LegacySystem))
        said = {
            "updated_at": draw(times),
            "name": draw(names),
            "email": draw(emails),
            "adult": draw(st.integers(1, 3)),
            "total": draw(st.sampled_from([Decimal("10.00"), Decimal("150.00")])),
        }
        if system is ADMIN:
            said["is_paid"] = draw(st.booleans())
            said["ops_status"] = draw(st.sampled_from(["NEW", "UPDATED", "CANCELLED", "DONE"]))
            said["paid_at"] = draw(st.one_of(st.none(), times))
        elif draw(st.booleans()):
            paid = draw(st.sampled_from(["COMPLETED", "FAILED", "REFUNDED", "PENDING"]))
            said["payments"] = (legacy_paid(number, number, status=paid, status_v2=paid),)
        rows.append(legacy_booking(system, number, draw(st.sampled_from(["bst-1", " BST-1 ", "b st-1"])), **said))
    return rows


def facts_of_rows(rows: list[LegacyBooking]) -> BookingFacts:
    [case], rejected = cases_of(rows)
    assert rejected == []
    return booking_facts(case, said_by_rows(case, PackageMap()))


@given(legacy_rows(), st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[LegacyBooking], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert facts_of_rows(shuffled) == facts_of_rows(rows)
    [case], _ = cases_of(rows)
    [again], _ = cases_of(shuffled)
    assert again.rows == case.rows


@given(legacy_rows())
def test_the_facts_of_rows_survive_being_stored(rows: list[LegacyBooking]) -> None:
    facts = facts_of_rows(rows)
    assert facts_from_document(facts_to_document(facts)) == facts


@given(event_facts(), legacy_rows(), legacy_rows())
def test_what_rows_say_now_takes_the_place_of_what_they_said(
    live: BookingFacts, before: list[LegacyBooking], now: list[LegacyBooking]
) -> None:
    stored = merge(live, facts_of_rows(before))
    folded = merge(without_backfill(stored), facts_of_rows(now))
    fresh = merge(live, facts_of_rows(now))
    for about in Field:
        if about not in CONTACT or about not in live.registers:
            assert folded.registers.get(about) == fresh.registers.get(about)
    assert folded.terminals == fresh.terminals
    assert merge(without_backfill(folded), facts_of_rows(now)) == folded


@given(event_facts(), legacy_rows())
def test_no_row_overwrites_what_was_said_live(live: BookingFacts, rows: list[LegacyBooking]) -> None:
    folded = merge(live, facts_of_rows(rows))
    for about, fact in live.registers.items():
        if about not in CONTACT or folded.registers[about].quality == fact.quality:
            assert folded.registers[about] == fact
        else:
            assert folded.registers[about].quality > fact.quality


def test_a_stored_updated_is_a_change_until_ops_have_seen_it() -> None:
    facts = facts_of_rows([legacy_booking(ADMIN, 1, "BST-1", ops_status="UPDATED")])
    assert project(facts, NO_OPS, TODAY).fulfilment_status is FulfilmentStatus.UPDATED
    seen = merge(facts, acknowledge(facts))
    assert project(seen, NO_OPS, TODAY).fulfilment_status is FulfilmentStatus.NEW


def test_the_tour_day_is_that_in_bali_and_the_time_is_carried() -> None:
    row = legacy_booking(ADMIN, 1, "BST-1", tour_at=datetime(2026, 5, 1, 22, 30, tzinfo=UTC), tour_time=" 06:30 ")
    registers = facts_of_rows([row]).registers
    assert (registers[Field.TOUR_DATE].value, registers[Field.TOUR_TIME].value) == ("2026-05-02", "06:30")
    vague = facts_of_rows([evolve(row, tour_time="early")]).registers
    assert Field.TOUR_TIME not in vague


@given(st.permutations([0, 1, 2, 3]))
def test_every_name_of_a_row_without_a_reference_means_its_booking(order: list[int]) -> None:
    rows = [
        legacy_booking(SHOP, 5, " "),
        legacy_booking(ADMIN, 7, "DIRECT-5", channel="DIRECT"),
        legacy_booking(ADMIN, 8, "bs-5", channel="DIRECT"),
        legacy_booking(ADMIN, 9, "DIRECT-6", channel="DIRECT"),
    ]
    cases, _ = cases_of([rows[at] for at in order])
    together = {case.identity.ref: {row.row_id for row in case.rows} for case in cases}
    assert together == {"BS-5": {5, 7, 8}, "DIRECT-6": {9}}


def test_a_blank_text_says_nothing() -> None:
    registers = facts_of_rows([legacy_booking(SHOP, 1, "BST-1", name=" ", email="", phone="", note="  ")]).registers
    assert registers.keys().isdisjoint({Field.NAME, Field.EMAIL, Field.PHONE, Field.NOTE, Field.PICKUP_LOCATION})


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("+62 812 3456 7890", "+62 812 3456 7890"),
        ("0812 3456 7890", "0812 3456 7890"),
        ("6281234567890", "+6281234567890"),
        (" 12345 ", "12345"),
        ("", None),
    ],
)
def test_a_legacy_phone_is_kept_where_it_parses_and_completed_where_it_lacks_the_plus(
    raw: str, kept: str | None
) -> None:
    assert legacy_phone(raw) == kept


def statuses(*rows: LegacyBooking) -> tuple[PaymentStatus, datetime | None]:
    [case], _ = cases_of(rows)
    facts = booking_facts(case, said_by_rows(case, PackageMap()))
    booking = project(evolve(facts, payments={f.key: f for f in payment_facts(case)}), NO_OPS, TODAY)
    return booking.payment_status, booking.paid_at


def test_the_old_admins_word_holds_until_there_is_a_capture() -> None:
    shop = legacy_booking(SHOP, 1, "BST-1", status="Waiting")
    admin = legacy_booking(ADMIN, 1, "BST-1", is_paid=True, paid_at=AT)
    failed = legacy_paid(1, 1, status="FAILED", status_v2="FAILED")
    later = legacy_paid(2, 1, paid_at=AT + timedelta(days=1))
    assert statuses(shop) == (PaymentStatus.PENDING_PAYMENT, None)
    assert statuses(shop, admin) == (PaymentStatus.PAID, AT)
    assert statuses(evolve(shop, payments=(failed,))) == (PaymentStatus.FAILED, None)
    assert statuses(evolve(shop, payments=(failed,)), admin) == (PaymentStatus.PAID, AT)
    assert statuses(evolve(shop, payments=(failed, later)), admin) == (PaymentStatus.PAID, AT + timedelta(days=1))
    back = legacy_paid(3, 1, status="REFUNDED", status_v2="REFUNDED", amount=Decimal("-150.00"))
    assert statuses(evolve(shop, payments=(later, back)), admin) == (PaymentStatus.REFUNDED, None)


def test_one_partial_refund_does_not_refund_the_booking() -> None:
    partly = legacy_paid(2, 1, status="PARTIALLY_REFUNDED", status_v2="PARTIALLY_REFUNDED", amount=Decimal("-50.00"))
    assert statuses(legacy_booking(SHOP, 1, "B", payments=(legacy_paid(1, 1), partly)))[0] is PaymentStatus.PAID


def test_the_same_capture_reported_by_two_rows_counts_once() -> None:
    one, same = legacy_paid(1, 1), legacy_paid(2, 1, capture_id="C-1")
    [case], _ = cases_of([legacy_booking(SHOP, 1, "B", payments=(one, same))])
    assert len({fact.key for fact in payment_facts(case) if fact.kind is PaymentKind.CAPTURED}) == 1


def test_a_row_that_nobody_can_read_is_listed_by_name() -> None:
    row = legacy_booking(SHOP, 1, "bst-1", payments=(legacy_paid(9, 1, status="strange", status_v2=None),))
    [said] = unknown_word_exceptions(row)
    assert (said.kind, str(said.row), said.ref) == (ExceptionKind.UNKNOWN_PAYMENT_WORD, "balisnap:Payment:9", "BST-1")
    done = legacy_booking(ADMIN, 1, None, ops_status="DONE")
    assert [e.detail for e in stored_done_exceptions(done)] == ["NO_FINANCE"]
    assert stored_done_exceptions(evolve(done, finance=legacy_finance(1))) == []
    unpaid = evolve(done, finance=legacy_finance(1, items=0, items_paid=0))
    assert [e.detail for e in stored_done_exceptions(unpaid)] == ["PENDING"]
    items = (legacy_item(1, adult=3), legacy_item(2, cancelled=True))
    [case], _ = cases_of([legacy_booking(SHOP, 1, "B", items=items)])
    assert [e.detail for e in case_exceptions(case)] == ["booking 2+0 items 3+0"]


@pytest.mark.parametrize(
    ("method", "word"),
    [
        (" PayPal ", "PAYPAL"),
        ("Bank Transfer", "BANK_TRANSFER"),
        ("card", "CARD"),
        ("", "UNKNOWN"),
        ("x" * 40, "X" * 32),
    ],
)
def test_a_payment_method_is_one_of_few_words(method: str, word: str) -> None:
    assert payment_method(method) == word


@given(st.sampled_from([NS_BOOKING, NS_PAYMENT]), st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_keys_are_those_of_the_standard(namespace: uuid.UUID, name: str) -> None:
    assert uuid5(namespace, name) == uuid.uuid5(namespace, name)


@given(
    legacy_rows(),
    st.tuples(st.booleans(), st.booleans(), st.sampled_from([None, (0, 0), (1, 0), (2, 2)])),
    st.tuples(*[st.dates(date(2026, 4, 20), date(2026, 5, 10))] * 2),
    st.sampled_from([None, 7]),
)
def test_what_is_shown_of_an_untouched_booking_is_enough_to_move_its_money_in(
    rows: list[LegacyBooking],
    work: tuple[bool, bool, tuple[int, int] | None],
    days: tuple[date, date],
    package_id: int | None,
) -> None:
    (staffed, validated, finance), (moved_on, paid_on) = work, days
    rows = [evolve(row, package_id=package_id) for row in rows]
    [case], _ = cases_of(rows)
    facts = booking_facts(case, said_by_rows(case, PackageMap()))
    ops = evolve(NO_OPS, driver_assigned=staffed)
    shown = project(facts, ops, moved_on)
    untouched = facts_of_untouched(
        Untouched(
            payment_status=shown.payment_status,
            fulfilment_status=shown.fulfilment_status,
            reasons=shown.reasons,
            tour_date=shown.tour_date,
            adult=shown.adult,
            total=shown.total,
            package=shown.package,
            paid_at=shown.paid_at,
        )
    )
    if finance is not None:
        items, paid = finance
        ops = evolve(
            ops, cost_pattern_set=True, finance_items=items, finance_items_paid=paid, finance_validated=validated
        )
    payments = {fact.key: fact for fact in payment_facts(case)}
    with_all, with_little = (project(evolve(of, payments=payments), ops, paid_on) for of in (facts, untouched))
    for about in ("payment_status", "fulfilment_status", "reasons", "paid_at", "payments"):
        assert getattr(with_little, about) == getattr(with_all, about), about
