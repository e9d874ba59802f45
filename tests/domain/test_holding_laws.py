"""What holds a batch: the laws of gates that judge one batch and hold the next."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.migration import (
    BATCH_ORDER,
    GATES_OF,
    JUDGES,
    GateRecord,
    HoldReason,
    Verdict,
    batch_before,
    holds_of,
)

RUN, OTHER = UUID(int=1), UUID(int=2)
BATCHES = st.sampled_from(BATCH_ORDER)


def said(gate: str, verdict: Verdict = Verdict.PASS, run: UUID | None = RUN) -> GateRecord:
    return GateRecord(
        gate=gate, verdict=verdict, judged_run=run, open_checks=() if verdict is Verdict.PASS else ("X-01",)
    )


RECORDS = st.fixed_dictionaries(
    {},
    optional={
        gate: st.builds(said, st.just(gate), st.sampled_from(Verdict), st.sampled_from([RUN, OTHER]) | st.none())
        for gate in JUDGES
    },
)


@given(BATCHES, RECORDS, st.integers(0, 3))
def test_a_batch_is_free_when_every_gate_of_the_one_before_passed_on_its_newest_run(
    batch: str, records: dict[str, GateRecord], conflicts: int
) -> None:
    held = holds_of(batch, newest_run=RUN, records=records, conflicts_open_too_long=conflicts)
    before = batch_before(batch)
    passed = before is None or all(records.get(gate) == said(gate) for gate in GATES_OF[before])
    assert (not held) == (passed and (before is None or not conflicts))


@given(BATCHES, RECORDS)
def test_gates_of_other_batches_hold_nothing(batch: str, records: dict[str, GateRecord]) -> None:
    before = batch_before(batch)
    own = set(GATES_OF[before]) if before else set()
    good = {gate: said(gate) for gate in own}
    assert holds_of(batch, newest_run=RUN, records={**records, **good}, conflicts_open_too_long=0) == []


@given(BATCHES, RECORDS)
def test_an_unfinished_batch_holds_the_next_whatever_gates_said(batch: str, records: dict[str, GateRecord]) -> None:
    held = holds_of(batch, newest_run=None, records=records, conflicts_open_too_long=0)
    assert [hold.reason for hold in held] == ([] if batch == "A" else [HoldReason.UNFINISHED])


@given(BATCHES, RECORDS, st.integers(0, 1))
def test_every_hold_says_what_to_do(batch: str, records: dict[str, GateRecord], conflicts: int) -> None:
    for hold in holds_of(batch, newest_run=RUN, records=records, conflicts_open_too_long=conflicts):
        assert hold.detail
        assert hold.reason is HoldReason.CONFLICTS or f"bst gate {hold.what}" in hold.cure


def test_conflicts_hold_every_batch_but_the_first() -> None:
    free = {gate: said(gate) for gate in JUDGES}
    held = [b for b in BATCH_ORDER if holds_of(b, newest_run=RUN, records=free, conflicts_open_too_long=1)]
    assert held == list("BCDEFGH")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, HoldReason.NEVER_RUN),
        (said("catalog-bridge", run=OTHER), HoldReason.STALE),
        (said("catalog-bridge", run=None), HoldReason.STALE),
        (said("catalog-bridge", Verdict.FAIL), HoldReason.NOT_PASSED),
        (said("catalog-bridge", Verdict.HOLD), HoldReason.NOT_PASSED),
    ],
)
def test_why_a_gate_holds(record: GateRecord | None, reason: HoldReason) -> None:
    records = {} if record is None else {record.gate: record}
    [hold] = holds_of("D", newest_run=RUN, records=records, conflicts_open_too_long=0)
    assert (hold.what, hold.reason) == ("catalog-bridge", reason)
    assert ("X-01" in hold.detail) == (reason is HoldReason.NOT_PASSED)


def test_each_gate_judges_one_batch() -> None:
    assert list(GATES_OF) == list(BATCH_ORDER)
    assert len(JUDGES) == sum(len(gates) for gates in GATES_OF.values())
