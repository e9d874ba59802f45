"""The promises hold in a thousand stories, and the simulator finds it out when a rule is broken."""

import subprocess
import sys
from typing import Any

import pytest

import bst_domain.booking._facts as facts_module
from bst_application.use_cases import accept, process
from bst_domain.booking import Fact
from bst_domain.ingest import Failure, PriorEvent, Replayed, RetryAt
from bst_testing.fakes.transactions import Locks
from bst_testing.simulator import Story, simulate

BLOCKS = 10
SEEDS_A_BLOCK = 100
#: Seeds within which each deliberate bug has to be found.
FOUND_WITHIN = 200


@pytest.mark.simulation
@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_promise_is_kept(block: int) -> None:
    for seed in range(block * SEEDS_A_BLOCK, (block + 1) * SEEDS_A_BLOCK):
        story = simulate(seed)
        assert not story.violations, "\n".join([*story.trace[-60:], f"seed {seed}", *story.violations])


def first_broken() -> Story | None:
    return next((story for seed in range(FOUND_WITHIN) if (story := simulate(seed)).violations), None)


@pytest.mark.simulation
def test_a_merge_that_takes_whatever_came_last_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def last_one_wins(_ours: Fact, theirs: Fact) -> Fact:
        return theirs

    monkeypatch.setattr(facts_module, "_better", last_one_wins)
    story = first_broken()
    assert story is not None
    assert "the stored facts are not those of its events" in story.violations[0]


@pytest.mark.simulation
def test_processing_without_the_booking_lock_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Locks.take

    async def take_all_but_bookings(self: Locks, name: Any, holder: Any) -> None:
        if name[0] != "booking":
            await take(self, name, holder)

    monkeypatch.setattr(Locks, "take", take_all_but_bookings)
    story = first_broken()
    assert story is not None
    assert "booking" in story.violations[0] or "stored facts" in story.violations[0]


@pytest.mark.simulation
def test_answering_a_reused_key_as_a_replay_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def never_mind_the_body(
        *, same_key: PriorEvent | None, same_content: PriorEvent | None, **_: Any
    ) -> Replayed | None:
        prior = same_key or same_content
        return None if prior is None else Replayed(prior.event_id, prior.process_status)

    monkeypatch.setattr(accept, "decide_acceptance", never_mind_the_body)
    story = first_broken()
    assert story is not None
    assert "acknowledged with an event that says something else" in story.violations[0]


@pytest.mark.simulation
def test_retrying_what_can_never_succeed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def try_for_ever(_failure: Failure, *, now: Any, **_: Any) -> RetryAt:
        return RetryAt(now)

    monkeypatch.setattr(process, "decide_after_failure", try_for_ever)
    story = first_broken()
    assert story is not None
    assert story.violations[0] == "the run never came to rest: somebody waits for ever"


def test_the_same_seed_is_the_same_story_in_every_process() -> None:
    script = "from bst_testing.simulator import simulate; print(hash('x')); print('\\n'.join(simulate(7).trace))"

    def told(hash_seed: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    one, other = told("1"), told("2")
    assert one[0] != other[0]  # sets of texts do have another order there
    assert one[1:] == other[1:]
    assert len(one) > 50


def test_stories_are_full_of_what_can_happen() -> None:
    traces = ["\n".join(simulate(seed).trace) for seed in range(60)]
    for happening in (
        "killed", "fails: InDoubt", "fails: Conflict", "fails: RuntimeError", "the queue loses everything", "the queue is down",
        "the clock moves by -", "KeyReused", "NonceReused", "Replayed", "worker-2: job", "sweep", "relay", "recompute",
        "processing: commit", "enqueue", "again", "operator: fail", "operator: replay", "operator: judge READY",
        "operator: edit", "operator: assign", "operator: acknowledge", "operator: override", "operating: committed",
    ):  # fmt: skip
        assert sum(happening in trace for trace in traces) >= 3, happening
