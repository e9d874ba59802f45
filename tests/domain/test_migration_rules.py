"""Moving in: canary, conflicts, gates and what legacy rows say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import NO_OPS, BookingFacts, Fact, Field, balance, distinct, merge, payment_status, project
from bst_domain.cutover import (
    DUE_WITHIN,
    PLAYBOOK,
    Canary,
    CanaryDecision,
    CanaryReason,
    ConflictFound,
    Module,
    Resolution,
    Severity,
    blocks_next_batch,
    canary_bucket,
    canary_list,
    canary_percentage,
    due_at,
    evaluate_canary,
    find_conflict,
    fold_actor,
)
from bst_domain.gates import THRESHOLDS, Bound, Check, Threshold, Verdict, gate_verdict, ratio
from bst_domain.migration import (
    BLANK_REF_PREFIX,
    BOOKING_TABLE,
    LEGACY_PAYMENT_WORDS,
    BackfilledRefs,
    LegacyPayment,
    LegacyPaymentReading,
    LegacyPaymentRow,
    LegacySystem,
    PaymentProof,
    Rejection,
    backfilled_evidence,
    backfilled_refs,
    fold_word,
    is_legacy_cancelled,
    legacy_payment_facts,
    payment_proof,
    read_legacy_header,
    read_legacy_payment,
    weak_capture,
)
from bst_domain.values import EventType, PaymentKind, PaymentStatus
from bst_testing.strategies import ACCEPTED_AT, event_facts

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("seed", "bucket"),
    [
        ("admin@example.com", 4),
        ("ops@example.com", 27),
        ("staff1@example.com", 50),
        ("user@balisnaptrip.com", 55),
        ("42", 62),
        ("a", 97),
        ("", 0),
    ],
)
def test_the_buckets_are_those_of_the_other_system(seed: str, bucket: int) -> None:
    assert canary_bucket(seed) == bucket


def test_a_bucket_counts_utf16_code_units() -> None:
    high, low = 0xD83C, 0xDF34  # the palm tree, as JavaScript sees it
    assert canary_bucket("🌴") == (high * 31 + low) % 100
    assert canary_bucket("\ud83c") == high % 100


@given(st.text(max_size=300))
def test_every_actor_has_a_bucket(seed: str) -> None:
    number = 0
    for unit in [
        int.from_bytes(seed.encode("utf-16-be", "surrogatepass")[i : i + 2], "big")
        for i in range(0, len(seed.encode("utf-16-be", "surrogatepass")), 2)
    ]:
        number = number * 31 + unit
    assert canary_bucket(seed) == number % 2**32 % 100


def test_canary_rules_first_match_wins() -> None:
    open_ = Canary(enabled=True, percentage=28, emails={"vip@example.com"}, user_ids={"42"})

    def on(canary: Canary, email: str | None = None, user_id: str | float | None = None) -> CanaryDecision:
        return evaluate_canary(canary, email=email, user_id=user_id)

    assert on(evolve(open_, enabled=False), "vip@example.com") == CanaryDecision(False, CanaryReason.DISABLED)
    assert on(open_, " VIP@example.com ") == CanaryDecision(True, CanaryReason.ALLOWED)
    assert on(evolve(open_, percentage=0), None, 42.9) == CanaryDecision(True, CanaryReason.ALLOWED)
    assert on(evolve(open_, percentage=0), "ops@example.com") == CanaryDecision(False, CanaryReason.PERCENTAGE)
    assert on(evolve(open_, percentage=100)) == CanaryDecision(True, CanaryReason.PERCENTAGE)
    assert on(open_) == CanaryDecision(False, CanaryReason.NO_ACTOR)
    assert on(open_, "ops@example.com") == CanaryDecision(True, CanaryReason.PERCENTAGE)  # bucket 27
    assert on(evolve(open_, percentage=27), "ops@example.com") == CanaryDecision(False, CanaryReason.PERCENTAGE)
    assert on(evolve(open_, percentage=27.5), "ops@example.com").on
    assert on(evolve(open_, user_ids=(), percentage=62), None, "42") == CanaryDecision(False, CanaryReason.PERCENTAGE)
    assert on(evolve(open_, user_ids=(), percentage=63), "", "42") == CanaryDecision(True, CanaryReason.PERCENTAGE)
    assert not on(evolve(open_, percentage=55), "user@balisnaptrip.com", "a").on  # the e-mail comes before the id
    assert on(evolve(open_, emails={""}, percentage=1)) == CanaryDecision(False, CanaryReason.NO_ACTOR)


@given(st.text(min_size=1), st.floats(0, 100), st.floats(0, 100))
def test_a_higher_percentage_never_takes_anybody_out(email: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    few, many = (Canary(enabled=True, percentage=percentage) for percentage in (low, high))
    if evaluate_canary(few, email=email, user_id=None).on:
        assert evaluate_canary(many, email=email, user_id=None).on


@pytest.mark.parametrize(
    ("text", "percentage"),
    [
        (None, 100), ("", 0), ("  ", 0), ("abc", 100), ("nan", 100), ("1_0", 100), ("-3", 0), ("250", 100),
        ("12.5", 12.5), (" 7 ", 7), ("1e1", 10), (".5", 0.5), ("5%", 100),
    ],
)  # fmt: skip
def test_what_a_percentage_setting_means(text: str | None, percentage: float) -> None:
    assert canary_percentage(text) == percentage


def test_a_list_setting_names_actors() -> None:
    assert canary_list(" A@x.org, ,b@x.org") == {"a@x.org", "b@x.org"}
    assert canary_list(None) == frozenset()
    assert (fold_actor(None), fold_actor(7.9), fold_actor(" X ")) == ("", "7", "x")


def test_the_playbook_is_total() -> None:
    assert PLAYBOOK.keys() == set(Module)
    assert DUE_WITHIN.keys() == set(Severity)
    assert {play.resolution for play in PLAYBOOK.values()} == set(Resolution)
    assert BOOKING_TABLE.keys() == BLANK_REF_PREFIX.keys() == set(LegacySystem)


def test_a_conflict_is_a_difference_in_a_field_of_the_playbook() -> None:
    found = find_conflict(
        Module.BOOKING_CORE,
        core={"tour_date": "2026-07-01", "total_price": 5, "note": "a"},
        legacy={"tour_date": "2026-07-02", "total_price": 5, "note": "b", "channel_code": "GYG"},
        core_at=NOW,
        legacy_at=NOW - timedelta(days=9),
    )
    play = PLAYBOOK[Module.BOOKING_CORE]
    assert found == ConflictFound(module=Module.BOOKING_CORE, fields=("tour_date",), play=play)
    assert (play.resolution, play.severity) == (Resolution.REVIEW_REQUIRED, Severity.HIGH)


def drivers(apart: timedelta, core: int | None = 1, legacy: int | None = 2) -> ConflictFound | None:
    return find_conflict(
        Module.OPS_ASSIGNMENT,
        core={"driver_id": core},
        legacy={"driver_id": legacy},
        core_at=NOW,
        legacy_at=NOW + apart,
    )


def test_drivers_conflict_within_five_minutes_only() -> None:
    assert drivers(5 * MINUTE) is not None
    assert drivers(-5 * MINUTE) is not None
    assert drivers(5 * MINUTE + timedelta(microseconds=1)) is None
    assert drivers(MINUTE, 2, 2) is None
    assert drivers(MINUTE, None, 2) is not None  # nobody is a statement


@given(
    st.dictionaries(st.sampled_from(["tour_date", "total_price", "note", "driver_id"]), st.integers(0, 2)), st.data()
)
def test_equal_values_and_payments_never_conflict(values: dict[str, int], data: st.DataObject) -> None:
    module = data.draw(st.sampled_from(Module))
    assert find_conflict(module, core=values, legacy=dict(values), core_at=NOW, legacy_at=NOW) is None
    other = {name: value + 1 for name, value in values.items()}
    assert find_conflict(Module.PAYMENT_EVENT, core=values, legacy=other, core_at=NOW, legacy_at=NOW) is None


def test_conflicts_are_due_and_block_the_next_batch() -> None:
    assert due_at(Severity.HIGH, NOW) == NOW + 30 * MINUTE
    assert due_at(Severity.MEDIUM, NOW) == NOW + timedelta(hours=4)
    assert not blocks_next_batch(NOW - timedelta(hours=24), NOW)
    assert blocks_next_batch(NOW - timedelta(hours=24, seconds=1), NOW)


def check(name: str, measured: str | None, samples: int) -> Check:
    return Check(
        name=name, threshold=THRESHOLDS[name], measured=None if measured is None else Decimal(measured), samples=samples
    )


@pytest.mark.parametrize(
    ("name", "measured", "samples", "verdict"),
    [
        ("C-02_unmapped_ratio_percent", "5", 10, Verdict.PASS),
        ("C-02_unmapped_ratio_percent", "5.01", 10, Verdict.FAIL),
        ("C-02_unmapped_ratio_percent", None, 0, Verdict.HOLD),
        ("C-03_variant_active_rate_coverage", "100", 1, Verdict.PASS),
        ("C-03_variant_active_rate_coverage", "99.99", 1, Verdict.FAIL),
        ("E-02_ops_done_not_paid_ratio_percent", "0", 0, Verdict.PASS),
        ("F-01_success_rate", "0.994", 1, Verdict.FAIL),
        ("BG-01_list_parity_ratio", "0", 49, Verdict.HOLD),
        ("BG-01_list_parity_ratio", "0", 50, Verdict.PASS),
        ("F-03_dlq_growth_per_hour", "21", 1, Verdict.HOLD),
    ],
)
def test_a_check_is_judged_by_its_threshold(name: str, measured: str | None, samples: int, verdict: Verdict) -> None:
    assert check(name, measured, samples).verdict is verdict


def test_a_check_says_what_was_measured_of_how_many_against_what() -> None:
    assert check("C-02_unmapped_ratio_percent", "5.01", 10).detail == "5.01 % of 10 (must be at most 5 %)"
    assert check("C-02_unmapped_ratio_percent", None, 0).detail == "nothing measured (must be at most 5 %)"
    held = check("BG-01_list_parity_ratio", "0", 49)
    assert held.detail == "0 ratio of 49, needs 50 (must be at most 0.01 ratio)"


_decimals = st.decimals(0, 9, places=1)
CHECKS = st.builds(
    Check,
    name=st.just("x"),
    threshold=st.builds(
        Threshold, bound=st.sampled_from(Bound), limit=_decimals, unit=st.just("%"), min_samples=st.integers(0, 2)
    ),
    measured=st.none() | _decimals,
    samples=st.integers(0, 3),
)


@given(st.lists(CHECKS))
def test_a_gate_is_as_good_as_its_worst_check(checks: list[Check]) -> None:
    verdicts = {entry.verdict for entry in checks}
    worst = gate_verdict(checks)
    if Verdict.FAIL in verdicts:
        assert worst is Verdict.FAIL
    elif Verdict.HOLD in verdicts or not verdicts:
        assert worst is Verdict.HOLD
    else:
        assert worst is Verdict.PASS


def test_the_thresholds_are_those_of_the_gates() -> None:
    stated = """A-01_target >= 17; A-01_diff <= 0; A-02_differing_i <= 0; A-02_differing_c <= 0; A-03_u <= 0; A-03_f <= 0;
    B-01 <= 0; B-02 <= 0; B-03 <= 0; C-01 <= 0.5; C-02 <= 5; C-03 >= 100; D-01 <= 0; D-02 <= 0; D-03 <= 1; D-04 <= 0;
    E-01 <= 0; E-02 <= 0.3; E-03 >= 100; F-01 >= 0.995; F-02_latency_median <= 3000; F-02_latency_p95 <= 15000; F-03 <= 20;
    F-04 <= 0; F-05 <= 0; G-01_d <= 0; G-01_b <= 0; G-02 <= 0.01; G-03 <= 0.015; G-06 <= 0.5; BG-01 <= 0.01; H-01 <= 0.001;
    H-02 <= 0; H-03 <= 0; ops_done_not_paid <= 0.01; unmapped <= 5; global_mismatch <= 0.01"""
    lines = [line.split() for line in stated.split(";")]
    assert len(lines) == len(THRESHOLDS)
    for start, sign, limit in lines:
        [threshold] = [value for name, value in THRESHOLDS.items() if name.startswith(start)]
        assert (threshold.bound, threshold.limit) == (Bound.AT_MOST if sign == "<=" else Bound.AT_LEAST, Decimal(limit))
    needing = {name.split("_")[0] for name, threshold in THRESHOLDS.items() if threshold.min_samples}
    of_batches = {"A-01", "A-02", "A-03", "B-01", "B-02", "C-01", "C-02", "C-03", "D-03", "unmapped"}
    assert needing == of_batches | {"F-01", "F-02", "F-03", "G-03", "G-06", "BG-01", "H-01"}


def test_ratios_are_rounded_half_up() -> None:
    assert ratio(1, 3, scale=100, digits=2) == Decimal("33.33")
    assert ratio(1, 8, digits=2) == Decimal("0.13")
    assert ratio(0, 5, digits=4) == Decimal("0.0000")
    assert ratio(1, 0, digits=2) is None
    assert str(ratio(1, 3, digits=6)) == "0.333333"


@pytest.mark.parametrize(
    ("word", "v2", "payment", "known"),
    [
        (" Completed ", "PENDING", "PAID", True),
        ("failed", "COMPLETED", "PAID", True),
        ("completed", "FAILED", "FAILED", True),
        ("completed", "CANCELLED", "FAILED", True),
        ("completed", "REFUNDED", "REFUNDED", True),
        ("completed", "PARTIALLY_REFUNDED", "PARTIAL", True),
        ("partially-refunded", None, "PARTIAL", True),
        ("chargeback", "PENDING", "REVERSED", True),
        ("Reversal", None, "REVERSED", True),
        ("Canceled", "PENDING", "FAILED", True),
        ("Pending Payment", "AUTHORIZED", "PENDING", True),
        ("refunded", None, "REFUNDED", True),
        ("??", "PENDING", "PENDING", False),
        (" \t", "PENDING", "PENDING", True),
        (None, None, "PENDING", True),
        ("settling", None, "PENDING", False),
    ],
)
def test_what_a_legacy_payment_row_says(word: str | None, v2: str | None, payment: str, known: bool) -> None:
    assert read_legacy_payment(word, v2) == LegacyPaymentReading(LegacyPayment(payment), known)


@given(st.text())
def test_an_unknown_legacy_word_is_pending_and_listed(word: str) -> None:
    reading = read_legacy_payment(word, None)
    if fold_word(word) in LEGACY_PAYMENT_WORDS or not word.strip():
        assert reading.known
    else:
        assert reading == LegacyPaymentReading(LegacyPayment.PENDING, known=False)


@pytest.mark.parametrize(
    ("word", "v2", "status", "cancelled"),
    [
        ("pending", "PAID", "PAID", False),
        ("cancelled", "CONFIRMED", "PAID", False),
        ("cancelled", "COMPLETED", "PAID", False),
        ("paid", "REFUNDED", "REFUNDED", False),
        ("paid", "CANCELLED", "FAILED", True),
        ("cancelled", "PAID", "PAID", False),
        ("cancelled", "REFUNDED", "REFUNDED", False),
        ("paid", "DRAFT", "DRAFT", False),
        ("canceled", "DRAFT", "DRAFT", True),
        ("paid", "EXPIRED", "PAID", False),
        ("cancelled", "EXPIRED", "FAILED", False),
        ("waiting", "EXPIRED", "PENDING_PAYMENT", False),
        ("Cancelled", None, "FAILED", True),
        ("success", "PENDING_PAYMENT", "PAID", False),
        ("refunded", None, "REFUNDED", False),
        ("odd", None, "PENDING_PAYMENT", False),
        (None, None, "PENDING_PAYMENT", False),
    ],
)
def test_what_a_shop_header_says(word: str | None, v2: str | None, status: str, cancelled: bool) -> None:
    assert read_legacy_header(word, v2) == status
    assert is_legacy_cancelled(word, v2) == cancelled


def test_a_blank_reference_gets_one_that_live_events_find() -> None:
    shop, admin = LegacySystem.SHOP, LegacySystem.ADMIN
    assert backfilled_refs(shop, 7, None) == BackfilledRefs("BS-7", ("DIRECT-7",))  # type: ignore[arg-type]  # NewTypes
    assert backfilled_refs(admin, 7, " \t") == BackfilledRefs("OPS-7", ())  # type: ignore[arg-type]  # NewTypes
    assert backfilled_refs(shop, 7, " gyg 1") == BackfilledRefs("GYG1", ())  # type: ignore[arg-type]  # NewTypes
    assert backfilled_refs(shop, 7, "x" * 128) == BackfilledRefs("X" * 128, ())  # type: ignore[arg-type]  # NewTypes
    assert backfilled_refs(shop, 7, "x" * 129) is Rejection.REF_TOO_LONG


def test_payment_proof_ranks() -> None:
    assert payment_proof() is PaymentProof.NONE
    assert payment_proof(is_paid=True) is PaymentProof.IS_PAID
    assert payment_proof(is_paid=True, paid_at=NOW) is PaymentProof.IS_PAID_WITH_TIME
    assert payment_proof(paid_at=NOW) is PaymentProof.NONE
    assert payment_proof(captured=True, capture_id=" ") is PaymentProof.CAPTURED
    assert payment_proof(captured=True) is PaymentProof.CAPTURED
    assert payment_proof(captured=True, capture_id="C1", is_paid=True) is PaymentProof.CAPTURED_WITH_ID
    assert payment_proof(capture_id="C1") is PaymentProof.NONE
    assert sorted(PaymentProof) == list(range(5))


def stamp(
    system: LegacySystem, row_id: int, days: int = 0, proof: PaymentProof = PaymentProof.NONE
) -> tuple[object, ...]:
    said = backfilled_evidence(
        system=system, row_id=row_id, updated_at=NOW + timedelta(days=days), proof=proof, channel="DIRECT"
    )
    assert (said.origin, said.event_type, said.source) == (0, EventType.CREATED, "DIRECT")
    return said.order


def test_the_best_proven_row_wins_then_the_latest_then_the_shop_then_the_lowest_id() -> None:
    shop, admin = LegacySystem.SHOP, LegacySystem.ADMIN
    ranked = [
        stamp(admin, 9, days=-5, proof=PaymentProof.CAPTURED),
        stamp(admin, 9, days=1),
        stamp(shop, 1),
        stamp(shop, 2**40),
        stamp(admin, 1),
        stamp(admin, 2),
    ]
    assert ranked == sorted(ranked, reverse=True)
    assert len(set(ranked)) == len(ranked)


@given(event_facts(), st.integers(1, 10**9), st.sampled_from(PaymentProof))
def test_what_was_said_live_stands_above_any_back_fill(live: BookingFacts, row_id: int, proof: PaymentProof) -> None:
    said = backfilled_evidence(
        system=LegacySystem.SHOP,
        row_id=row_id,
        updated_at=datetime(2100, 1, 1, tzinfo=UTC),
        proof=proof,
        channel="DIRECT",
    )
    legacy = BookingFacts(registers={Field.ADULT: Fact(77, 0, said)}, first=said)
    folded = merge(live, legacy)
    if Field.ADULT in live.registers:
        assert folded.registers[Field.ADULT] == live.registers[Field.ADULT]
    assert merge(folded, legacy) == folded


def legacy_row(payment: LegacyPayment, amount: str, reference: str | None = "C1") -> LegacyPaymentRow:
    return LegacyPaymentRow(
        payment_id=5,
        payment=payment,
        raw_status=payment.value,
        amount=Decimal(amount),
        currency="USD",
        paid_at=NOW,
        reference=reference,
        order_id=None,
    )


@pytest.mark.parametrize(
    ("payment", "amount", "kinds"),
    [
        (LegacyPayment.PAID, "10", {"captured": "10"}),
        (LegacyPayment.PENDING, "10", {"pending": "10"}),
        (LegacyPayment.FAILED, "10", {"failed": "10"}),
        (LegacyPayment.REFUNDED, "10", {"captured": "10", "refunded": "10"}),
        (LegacyPayment.REVERSED, "10", {"captured": "10", "reversed": "10"}),
        (LegacyPayment.PARTIAL, "10", {"captured": "10"}),
        (LegacyPayment.REFUNDED, "-4", {"refunded": "4"}),
        (LegacyPayment.PARTIAL, "-4", {"refunded": "4"}),
        (LegacyPayment.REVERSED, "0", {"reversed": "0"}),
        (LegacyPayment.REFUNDED, "0.5", {"captured": "0.5", "refunded": "0.5"}),
    ],
)
def test_a_legacy_row_is_a_capture_its_return_or_both(
    payment: LegacyPayment, amount: str, kinds: dict[str, str]
) -> None:
    facts = legacy_payment_facts(legacy_row(payment, amount), UUID(int=1))
    assert {fact.kind.value: fact.amount for fact in facts} == {kind: Decimal(value) for kind, value in kinds.items()}
    for fact in facts:
        assert (fact.origin, fact.reference, fact.instant, fact.event_time) == (0, "C1", NOW, NOW)
        assert fact.partially_returned == (payment is LegacyPayment.PARTIAL and amount == "10")
        assert (fact.provider, fact.currency, fact.raw_status, fact.weak) == ("PAYPAL", "USD", payment.value, False)
        assert (fact.event_id, fact.order_id) == (UUID(int=1), None)


def test_every_legacy_payment_is_read() -> None:
    for payment in LegacyPayment:
        assert legacy_payment_facts(legacy_row(payment, "1"), UUID(int=1))
    [nameless] = legacy_payment_facts(legacy_row(LegacyPayment.PAID, "1", None), UUID(int=1))
    assert nameless.reference == "balisnap:Payment:5"
    ordered = evolve(legacy_row(LegacyPayment.PAID, "1"), order_id="O-1")
    assert [fact.order_id for fact in legacy_payment_facts(ordered, UUID(int=1))] == ["O-1"]


def test_a_header_that_says_paid_is_the_weakest_capture() -> None:
    said = backfilled_evidence(
        system=LegacySystem.ADMIN, row_id=3, updated_at=NOW, proof=PaymentProof.IS_PAID, channel="GYG"
    )
    weak = weak_capture(amount=Decimal(50), currency="USD", paid_at=NOW, evidence=said)
    failed = legacy_payment_facts(legacy_row(LegacyPayment.FAILED, "50"), UUID(int=1))
    assert payment_status(balance([weak, *failed], "USD")) is PaymentStatus.PAID
    captured = legacy_payment_facts(legacy_row(LegacyPayment.REFUNDED, "50"), UUID(int=1))
    assert payment_status(balance([weak, *captured], "USD")) is PaymentStatus.REFUNDED
    assert weak not in distinct([weak, *captured])
    assert (weak.kind, weak.reference, weak.origin) == (PaymentKind.CAPTURED, str(said.event_id), 0)
    assert (weak.provider, weak.raw_status, weak.currency, weak.order_id) == ("LEGACY_HEADER", "PAID", "USD", None)
    assert (weak.event_time, weak.partially_returned, weak.event_id) == (NOW, False, said.event_id)
    booking = project(BookingFacts(first=said, payments={weak.key: weak}), NO_OPS, ACCEPTED_AT.date())
    assert (booking.payment_status, booking.paid_at, booking.payments) == (PaymentStatus.PAID, None, ())
