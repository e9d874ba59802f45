"""Measures the domain: `uv run python -m benchmarks.domain [--quick] [--write]`.

Each case and the reference are timed in turn, round after round, so that a change of the machine's speed meets both; figures
are medians of the rounds with their range, and the ratio is that of the medians. Nothing is asserted: figures move with the
machine, the ratios hardly.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from benchmarks.domain.cases import CASES, UPDATED, reference
from benchmarks.machine import machine

RESULTS = Path(__file__).parents[1] / "results"
IMPORT = "import time; t = time.perf_counter(); import bst_domain; print(time.perf_counter() - t)"
IMPORT_GOAL_MS = 150


def once(run: Callable[[], object], number: int) -> float:
    """Microseconds a run, over this many."""
    began = perf_counter()
    for _ in range(number):
        run()
    return (perf_counter() - began) / number * 1e6


def import_ms() -> float:
    """Milliseconds for `import bst_domain` in a new process."""
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    return float(done.stdout) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/domain.md and .json")
    arguments = parser.parse_args()
    rounds, number = (3, 50) if arguments.quick else (21, 1000)
    taken: dict[str, list[float]] = {name: [] for name in ["reference", *CASES]}
    imports: list[float] = []
    for _ in range(rounds):
        taken["reference"].append(once(reference, number))
        for name, (run, _) in CASES.items():
            taken[name].append(once(run, number))
        imports.append(import_ms())
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    base = statistics.median(taken["reference"])
    made = f"Median of {rounds} rounds of {number} runs, in microseconds; the body has {len(UPDATED)} bytes."
    lines = ["# The domain alone", "", f"Made by `uv run python -m benchmarks.domain --write`. {made}", ""]
    lines += [f"- {name}: {value}" for name, value in machine().items()]
    lines += ["", "| | median | range | ratio to the reference | goal |", "|---|---:|---:|---:|---:|"]
    figures = {}
    for name, values in taken.items():
        median = statistics.median(values)
        goal = CASES[name][1] if name in CASES else None
        shown = "reference: json.loads and SHA-256 of the body" if name == "reference" else name
        spread = f"{min(values):.1f} to {max(values):.1f}"
        lines.append(
            f"| {shown} | {median:.1f} | {spread} | {median / base:.2f} | {'' if goal is None else f'{goal:g}'} |"
        )
        figures[name.strip()] = {
            "median_us": median,
            "min_us": min(values),
            "max_us": max(values),
            "ratio": median / base,
        }
    median = statistics.median(imports)
    spread = f"{min(imports):.0f} to {max(imports):.0f}"
    lines += ["", f"`import bst_domain` in a new process: {median:.0f} ms ({spread}), goal {IMPORT_GOAL_MS}."]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "domain.md").write_text(text, "utf-8")
        report = {"machine": machine(), "rounds": rounds, "number": number, "figures": figures, "import_ms": median}
        (RESULTS / "domain.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
