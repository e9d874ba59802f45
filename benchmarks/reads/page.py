"""The figures of the reads as a page."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from attrs import asdict, frozen

GOAL_MS = 20


@frozen(kw_only=True)
class Figures:
    """Milliseconds of the answers to one case, and the bookings in one (median)."""

    p50: float
    p95: float
    p99: float
    longest: float
    rows: int

    @classmethod
    def of(cls, taken: Sequence[float], rows: Sequence[int]) -> Self:
        """Nearest rank: each figure is an answer that was measured."""
        ordered = sorted(taken)

        def rank(share: float) -> float:
            return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

        return cls(
            p50=rank(0.5), p95=rank(0.95), p99=rank(0.99), longest=ordered[-1], rows=sorted(rows)[len(rows) // 2]
        )

    def as_json(self) -> dict[str, Any]:
        """For the file beside the page."""
        return asdict(self)


def page(
    figures: Mapping[str, Figures],
    groups: Mapping[str, Sequence[str]],
    *,
    references: Sequence[str],
    sizes: Mapping[str, int],
    bookings: int,
    facts: Mapping[str, str],
) -> str:
    """Markdown. Ratios are of the medians, to /health."""
    live = figures[references[0]].p50
    lines = ["# The reads", "", f"Made by `uv run python -m benchmarks.reads --write` with {bookings:,} bookings.", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += [
        "",
        "Milliseconds from the request to the last byte of the answer, one request at a time; pages of 200 bookings where",
    ]
    lines += [
        f"nothing else is said. The goal is a p95 below {GOAL_MS}. The ratio is that of the medians to `/health`.",
        "",
    ]
    lines += _table(figures, references, live)
    for heading, names in groups.items():
        lines += ["", f"## {heading}", "", *_table(figures, names, live)]
    lines += ["", "## Sizes", "", "| | MB | bytes a booking |", "|---|---:|---:|"]
    lines += [f"| {name} | {size / 1e6:.0f} | {size / bookings:.0f} |" for name, size in sizes.items()]
    return "\n".join(lines) + "\n"


def _table(figures: Mapping[str, Figures], names: Sequence[str], live: float) -> list[str]:
    lines = ["| | rows | p50 | p95 | p99 | longest | ratio |", "|---|---:|---:|---:|---:|---:|---:|"]
    for name in names:
        it = figures[name]
        missed = " (over the goal)" if it.p95 >= GOAL_MS else ""
        cells = (f"{it.p50:.2f}", f"{it.p95:.2f}{missed}", f"{it.p99:.2f}", f"{it.longest:.1f}", f"{it.p50 / live:.1f}")
        lines.append(f"| {name} | {it.rows} | {' | '.join(cells)} |")
    return lines
