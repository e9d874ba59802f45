"""Laws of cutting over: what agrees, what is compared, what a window of dual writes comes to."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.migration import (
    LegacyBooking,
    LegacySystem,
    ParityField,
    ParityFigures,
    ParityLimits,
    ReportedWrite,
    SeenBooking,
    TimedWrite,
    Verdict,
    WriteAgreement,
    conflict_checks,
    gate_verdict,
    legacy_status,
    parity_checks,
    parity_differences,
    summarise_writes,
    write_checks,
)
from bst_domain.values import FulfilmentStatus
from bst_testing.legacy_rows import legacy_booking, legacy_finance

TODAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FUTURE = datetime(2026, 5, 1, tzinfo=UTC)
texts = st.one_of(st.none(), st.text(alphabet=" aB\n", max_size=6))
maybe = st.one_of(st.none(), st.booleans())
outcomes = st.one_of(st.none(), st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)))
writes = st.builds(
    ReportedWrite,
    operation=st.sampled_from(["BOOKING_PATCH", "BOOKING_ASSIGN", "BOOKING_UNASSIGN"]),
    actor_role=st.none(),
    booking_id=st.none(),
    core_attempted=st.just(True),
    core_success=maybe,
    core_outcome=outcomes,
    strict_mode=st.booleans(),
    fallback_used=st.booleans(),
    legacy_attempted=st.booleans(),
    legacy_success=maybe,
    legacy_outcome=outcomes,
)


def admin(**more: object) -> LegacyBooking:
    return legacy_booking(LegacySystem.ADMIN, 7, "GYG1", **{"channel": "GYG", "tour_at": FUTURE, **more})


def seen(row: LegacyBooking, **more: object) -> SeenBooking:
    """What core answers where it says the same."""
    same = SeenBooking(
        channel=row.channel,
        ref="GYG1",
        status=legacy_status(row, TODAY).value,
        payment="PAID" if row.is_paid else "PENDING_PAYMENT",
        driver_id=row.driver_id,
        meeting_point=row.meeting_point or None,
        note=row.note,
        tour_date=date(2026, 5, 1),
        tour_time=row.tour_time,
    )
    return evolve(same, **more)  # type: ignore[arg-type]  # the members are those of the class


def differing(core: SeenBooking, row: LegacyBooking) -> set[ParityField]:
    return {one.about for one in parity_differences(core, row, TODAY)}


@given(
    note=texts,
    driver=st.one_of(st.none(), st.integers(1, 9)),
    paid=st.booleans(),
    clock=st.sampled_from(["08:30", None]),
)
def test_law_the_same_booking_differs_in_nothing(
    note: str | None, driver: int | None, paid: bool, clock: str | None
) -> None:
    row = admin(note=note, driver_id=driver, is_paid=paid, tour_time=clock)
    assert differing(seen(row), row) == set()


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"status": "DONE"}, ParityField.STATUS),
        ({"channel": "VIATOR"}, ParityField.SOURCE),
        ({"meeting_point": "Gate"}, ParityField.MEETING_POINT),
        ({"driver_id": 9}, ParityField.DRIVER),
        ({"driver_id": None}, ParityField.DRIVER),
        ({"note": None}, ParityField.NOTE),
        ({"payment": "FAILED"}, ParityField.PAYMENT),
        ({"tour_date": date(2026, 5, 2)}, ParityField.TOUR_DATE),
        ({"tour_time": None}, ParityField.TOUR_TIME),
    ],
)
def test_each_field_is_compared(change: dict[str, object], about: ParityField) -> None:
    row = admin(note="vegan", driver_id=8, is_paid=True, tour_time="08:30", meeting_point="Lobby")
    assert differing(seen(row, **change), row) == {about}


def test_a_blank_of_the_old_admin_says_nothing() -> None:
    row = admin(note="  ", meeting_point="", tour_time="late")
    assert differing(seen(row, note="vegan", meeting_point="Lobby", tour_time="08:30"), row) == set()


def test_a_direct_bookings_payments_are_the_shops_to_tell() -> None:
    row = admin(channel="DIRECT", is_paid=False)
    assert differing(seen(row, payment="PAID"), row) == set()
    assert differing(seen(row, payment="PAID"), evolve(row, channel="GYG")) >= {ParityField.PAYMENT}
    paid = evolve(row, is_paid=True)
    assert differing(seen(paid, payment="REFUNDED"), paid) == set()
    assert differing(seen(paid, payment="FAILED"), paid) == {ParityField.PAYMENT}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"ops_status": "NO_SHOW", "finance": legacy_finance(1)}, FulfilmentStatus.NO_SHOW),
        ({"finance": legacy_finance(1)}, FulfilmentStatus.DONE),
        ({"finance": legacy_finance(1, items=0)}, FulfilmentStatus.COMPLETED),
        ({"tour_at": NOW - timedelta(days=1), "ops_status": "UPDATED"}, FulfilmentStatus.ATTENTION),
        ({"ops_status": "UPDATED", "driver_id": 8}, FulfilmentStatus.UPDATED),
        ({"driver_id": 8, "finance": legacy_finance(1, items=0, validated_at=None)}, FulfilmentStatus.READY),
        ({"driver_id": 8, "ops_status": "DONE"}, FulfilmentStatus.NEW),  # stored, and its own rule says otherwise
    ],
)
def test_the_old_admins_own_rule(more: dict[str, object], status: FulfilmentStatus) -> None:
    assert legacy_status(admin(**more), TODAY) is status


@given(sampled=st.integers(1, 500), missing=st.integers(0, 500), differing=st.integers(0, 500))
def test_law_rows_that_core_lacks_count_as_different(sampled: int, missing: int, differing: int) -> None:
    missing = min(missing, sampled)
    figures = ParityFigures(
        sampled=sampled,
        matched=sampled - missing,
        list_differing=min(differing, sampled - missing),
        missing=missing,
        detail_sampled=1,
        detail_differing=0,
        critical_missing=0,
        fetch_errors=0,
    )
    checks = {one.name: one for one in parity_checks(figures, ParityLimits(min_matched=0))}
    good = (figures.list_differing + missing) * 100 <= sampled
    assert (checks["BG-01_list_parity_ratio"].verdict is Verdict.PASS) is good


def test_too_few_matched_rows_are_no_parity() -> None:
    figures = ParityFigures(
        sampled=60, matched=49, list_differing=0, missing=0, detail_sampled=1, detail_differing=0, critical_missing=0,
        fetch_errors=0,
    )  # fmt: skip
    assert gate_verdict(parity_checks(figures, ParityLimits())) is Verdict.FAIL
    nothing = evolve(figures, sampled=0, matched=0, detail_sampled=0)
    assert gate_verdict(parity_checks(nothing, ParityLimits())) is Verdict.HOLD


@given(writes)
def test_law_only_two_answers_agree_or_disagree(write: ReportedWrite) -> None:
    both = write.legacy_attempted and None not in (write.core_success, write.legacy_success)
    assert (write.agreement is WriteAgreement.NOT_COMPARED) is not both
    if write.strict_rejected:
        assert write.agreement is WriteAgreement.NOT_COMPARED
    swapped = evolve(
        write,
        core_success=write.legacy_success,
        legacy_success=write.core_success,
        core_outcome=write.legacy_outcome,
        legacy_outcome=write.core_outcome,
    )
    assert swapped.agreement is write.agreement


@given(st.lists(writes, max_size=30), st.integers())
def test_law_the_order_of_reports_does_not_matter_and_the_parts_add_up(said: list[ReportedWrite], seed: int) -> None:
    timed = [TimedWrite(write_id=str(n), at=NOW + timedelta(seconds=n % 3), write=one) for n, one in enumerate(said)]
    shuffled = timed[:]
    Random(seed).shuffle(shuffled)
    summary = summarise_writes(timed, max_ratio=Decimal("0.1"), min_samples=1)
    assert summarise_writes(shuffled, max_ratio=Decimal("0.1"), min_samples=1) == summary
    parts = [counts for _, counts in summary.by_operation]
    for name in ("total", "core_attempted", "compared", "mismatch", "strict_rejected", "legacy_attempted"):
        assert sum(getattr(one, name) for one in parts) == getattr(summary.all, name)
    ratios = [one.mismatch_ratio for one in parts]
    assert ratios == sorted(ratios, reverse=True)
    assert all(one.write.mismatch for one in summary.recent_mismatches)
    gate = gate_verdict(write_checks(summary))
    assert (gate is Verdict.PASS) is (not summary.failures)


def test_a_conflict_of_more_than_a_day_fails() -> None:
    assert gate_verdict(conflict_checks(open_conflicts=5, over_a_day=0)) is Verdict.PASS
    assert gate_verdict(conflict_checks(open_conflicts=5, over_a_day=1)) is Verdict.FAIL
