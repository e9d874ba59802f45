"""What the tables of the benchmarks are worked out by."""

from typing import Any

import pytest

from benchmarks.growth.__main__ import sections as growth_sections
from benchmarks.limits.__main__ import sections as limits_sections
from benchmarks.memory.__main__ import growth_of
from benchmarks.memory.__main__ import sections as memory_sections
from benchmarks.memory.sampling import thirds
from benchmarks.rig.run import wrong
from benchmarks.scale_out.__main__ import sections as scale_out_sections
from benchmarks.tables import by_repetition, page, ratios, spread, table


def cells(lines: list[str], first: str) -> list[str]:
    """The figures of the row that begins with these words."""
    return next(line.split(" | ")[1:] for line in lines if line.startswith(f"| {first} |"))


def test_a_median_stands_with_its_range() -> None:
    assert spread([3.0, 1.0, 2.6], ".1f") == "2.6 (1.0 to 3.0)"
    assert spread([1.0, 4.0], ".1f") == "2.5 (1.0 to 4.0)"
    assert spread([], ".1f") == ""


def test_ratios_are_of_one_repetition_and_leave_out_what_has_no_base() -> None:
    assert ratios({0: 10.0, 1: 30.0, 2: 5.0}, {0: 20.0, 1: 10.0}) == [0.5, 3.0]
    assert ratios({0: 10.0}, {0: 0.0}) == []


def test_a_run_without_a_figure_is_left_out() -> None:
    assert by_repetition([{"rep": 0, "x": 1.0}, {"rep": 1}], lambda run: run.get("x")) == {0: 1.0}


def test_a_table_has_text_first_and_figures_to_the_right() -> None:
    assert table(["", "a"], [["row", "1"]]) == ["|  | a |", "|---|---:|", "| row | 1 |"]


def test_a_page_names_the_machine_before_the_figures() -> None:
    assert page("Title", "Made so.", {"cpu": "2"}, ["", "|x|"]) == "# Title\n\nMade so.\n\n- cpu: 2\n\n|x|\n"


def test_thirds_lose_nothing() -> None:
    assert thirds(range(8)) == ([0, 1], [2, 3], [4, 5, 6, 7])


def test_a_leak_is_the_last_third_above_the_first() -> None:
    assert growth_of([100.0, 100.0, 130.0, 130.0, 150.0, 150.0]) == pytest.approx(50.0)


def test_every_check_counts_and_so_does_what_was_never_done() -> None:
    fine = {"lost": 0, "wrong_price": 0, "drained": True}
    assert wrong([fine, {}]) == 0
    assert wrong([fine, {"lost": 2, "wrong_price": 1, "drained": False}]) == 4
    assert wrong([{"too_many": 3}], more=("too_many",)) == 3


def scaled(rep: int, apis: int, workers: int, done: int) -> dict[str, Any]:
    figures = {"accepted_s": done, "e2e_events_s": done, "events_per_cpu_s": done, "events_a_group": done / 10}
    return {"rep": rep, "mix": "hot10", "apis": apis, "workers": workers, **figures}


def test_more_processes_stand_beside_one_and_one_of_the_same_repetition() -> None:
    runs = [scaled(0, 1, 1, 1000), scaled(0, 2, 4, 1500), scaled(1, 1, 1, 500), scaled(1, 2, 4, 400)]
    lines = list(scale_out_sections(runs))
    assert cells(lines, "1 API + 1 worker")[:2] == ["750 (500 to 1000)", "1.00 (1.00 to 1.00)"]
    assert cells(lines, "2 API + 4 workers")[-1] == "95 (40 to 150) |"
    assert cells(lines, "2 API + 4 workers")[:2] == ["950 (400 to 1500)", "1.15 (0.80 to 1.50)"]


def grown(rows: int, done: int) -> dict[str, Any]:
    cpu = {"api": 1.0, "worker": 2.0, "postgres": 4.0 * rows / 10, "redis": 0.1}
    figures = {"accepted_s": done, "e2e_events_s": done, "events_per_cpu_s": done, "ack_ms": [1.0, 2.0, 3.0]}
    return {"rep": 0, "rows": rows, "events": 1000, "cpu_s": cpu, **figures}


def test_growth_is_shown_in_relation_to_the_smallest() -> None:
    lines = list(growth_sections([grown(10, 1000), grown(20, 800)]))
    first, second = (at for at, line in enumerate(lines) if line.startswith("| events in the log"))
    assert cells(lines[first:second], "CPU ms an event, postgres")[0] == "4.000 (4.000 to 4.000)"
    assert cells(lines[second:], "done/s")[1] == "0.80 (0.80 to 0.80) |"
    assert cells(lines[second:], "CPU ms an event, postgres")[1] == "2.00 (2.00 to 2.00) |"


def test_shares_of_the_limits_are_of_the_same_repetition() -> None:
    cpu = {"api": 0.0, "worker": 1.0, "postgres": 1.0, "redis": 0.1}
    runs: list[dict[str, Any]] = []
    for rep, speed in enumerate((1.0, 2.0)):
        runs.append({"rep": rep, "what": "accept_limit", "rows_s": 20000 * speed})
        runs += [{"rep": rep, "what": what, "rows_s": 8000 * speed} for what in ("commit", "crowd", "checked")]
        runs.append({"rep": rep, "what": "process_limit", "done_s": 10000 * speed})
        runs.append({"rep": rep, "what": "backlog", "done_s": 6000 * speed, "start_up_s": 1.0, "cpu_s": cpu})
    lines = list(limits_sections(runs))
    assert cells(lines, "BST, 64 callers, checked beforehand")[1] == "0.40 (0.40 to 0.40) |"
    assert cells(lines, "BST, 2 workers")[1] == "0.60 (0.60 to 0.60) |"


def test_a_wrapper_is_shown_and_not_counted() -> None:
    used = {"api 1": (120.0, 100.0), "worker 1": (100.0, 80.0), "api 1, uv run": (40.0, 30.0)}
    samples = [{"at": float(at), "used": used} for at in range(3)]
    lines = list(memory_sections([{"rep": 0, "events": 10, "samples": samples}]))
    assert cells(lines, "**API and worker together**") == ["220", "220", "220", "180", "180", "180 |"]
    assert cells(lines, "api 1, uv run")[:3] == ["40", "40", "40"]
