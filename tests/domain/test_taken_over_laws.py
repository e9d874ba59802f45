"""Rows of the predecessor's own: what a row says is what its facts come to, whatever else is said later."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import (
    NO_OPS,
    PackageRef,
    PackageRefType,
    TakenOverRow,
    acknowledge,
    facts_from_document,
    facts_of_row,
    facts_to_document,
    merge,
    project,
)
from bst_domain.values import FulfilmentStatus, Money, PaymentStatus

TODAY = date(2026, 1, 1)
texts = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
counts = st.none() | st.integers(0, 99)
rows = st.builds(
    TakenOverRow,
    key=st.uuids(),
    channel=st.sampled_from(["DIRECT", "GYG"]),
    booked_at=st.datetimes(datetime(2020, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
    payment_status=st.sampled_from(PaymentStatus),
    fulfilment_status=st.sampled_from(FulfilmentStatus),
    tour_date=st.none() | st.dates(date(2027, 1, 1), date(2030, 1, 1)),
    tour_time=st.none() | st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    adult=counts,
    child=counts,
    infant=counts,
    total=st.none() | st.builds(Money, st.just("USD"), st.decimals(0, 999, places=2)),
    note=texts,
    package=st.none() | st.builds(PackageRef, st.just(PackageRefType.LEGACY_PACKAGE), st.none(), st.integers(1, 9)),
    name=texts,
    email=texts,
    phone=texts,
    pickup_location=texts,
    meeting_point=texts,
)


@given(rows)
def test_what_a_row_says_is_what_is_shown(row: TakenOverRow) -> None:
    shown = project(facts_of_row(row), NO_OPS, TODAY)
    assert (shown.booked_at, shown.tour_date, shown.tour_time) == (row.booked_at, row.tour_date, row.tour_time)
    assert (shown.adult, shown.child, shown.infant, shown.total) == (row.adult, row.child, row.infant, row.total)
    assert (shown.note, shown.package, shown.payment_status) == (row.note, row.package, row.payment_status)
    contact = shown.contact
    assert (contact.name, contact.email, contact.phone) == (row.name, row.email, row.phone)
    assert (contact.pickup_location, contact.meeting_point) == (row.pickup_location, row.meeting_point)
    stays = {FulfilmentStatus.CANCELLED, FulfilmentStatus.NO_SHOW, FulfilmentStatus.UPDATED}
    assert (shown.fulfilment_status if row.fulfilment_status in stays else None) == (
        row.fulfilment_status if row.fulfilment_status in stays else None
    )


@given(rows)
def test_a_change_that_the_old_admin_knew_of_stays_news_until_ops_have_seen_it(row: TakenOverRow) -> None:
    facts = facts_from_document(
        facts_to_document(facts_of_row(evolve(row, fulfilment_status=FulfilmentStatus.UPDATED)))
    )
    assert project(facts, NO_OPS, TODAY).fulfilment_status is FulfilmentStatus.UPDATED
    seen = merge(facts, acknowledge(facts))
    assert project(seen, NO_OPS, TODAY).fulfilment_status is FulfilmentStatus.NEW


@given(rows)
def test_a_row_that_is_read_again_says_nothing_new(row: TakenOverRow) -> None:
    facts = facts_of_row(row)
    assert merge(facts, facts_of_row(row)) == facts
    assert facts_from_document(facts_to_document(facts)) == facts


def test_what_is_said_later_stands_above_a_row() -> None:
    row = TakenOverRow(
        key=UUID(int=9),
        channel="GYG",
        booked_at=datetime(2030, 1, 1, tzinfo=UTC),
        payment_status=PaymentStatus.PENDING_PAYMENT,
        fulfilment_status=FulfilmentStatus.NEW,
        total=Money("USD", Decimal("5.00")),
        note="old",
    )
    facts = facts_of_row(row)
    note = facts.registers[next(name for name, fact in facts.registers.items() if fact.value == "old")]
    early = evolve(note.evidence, event_id=UUID(int=1), event_time=datetime(2020, 1, 1, tzinfo=UTC), origin=1)
    assert evolve(note, value="new", evidence=early).stamp > note.stamp
