"""Tables in Markdown: medians with their ranges, and ratios within one repetition."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Run = Mapping[str, Any]
Measure = Callable[[Run], float | None]


def spread(values: Sequence[float], form: str) -> str:
    """Median (least to greatest); nothing for nothing."""
    if not values:
        return ""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def by_repetition(runs: Iterable[Run], measure: Measure) -> dict[int, float]:
    """What was measured, by the number of the repetition; runs without it are left out."""
    return {run["rep"]: value for run in runs if (value := measure(run)) is not None}


def ratios(ours: Mapping[int, float], base: Mapping[int, float]) -> list[float]:
    """Of each repetition that has both: the machine was the same for them."""
    return [value / base[rep] for rep, value in ours.items() if base.get(rep)]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines; the first column is text, the others are figures."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def page(title: str, made: str, facts: Mapping[str, str], sections: Iterable[str]) -> str:
    """A whole page: how it was made, on what, and the lines that say what came out."""
    lines = [f"# {title}", "", made, "", *(f"- {name}: {value}" for name, value in facts.items()), *sections]
    return "\n".join(lines) + "\n"
