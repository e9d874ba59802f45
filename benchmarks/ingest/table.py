"""The comparison as a page: medians with their ranges, and ratios of the same repetition."""

import re
from collections.abc import Mapping, Sequence

from benchmarks.tables import Measure, Run, by_repetition, ratios, spread

#: Name, how to read it, format, and whether more is better.
MEASURES: Sequence[tuple[str, Measure, str, bool]] = (
    ("accepted/s", lambda run: run["accepted_s"], ".0f", True),
    ("done/s", lambda run: run["e2e_events_s"], ".0f", True),
    ("events per CPU second", lambda run: run["events_per_cpu_s"], ".0f", True),
    ("ack p50 ms", lambda run: run["ack_p50_ms"], ".1f", False),
    ("ack p95 ms", lambda run: run["ack_p95_ms"], ".1f", False),
    ("ack p99 ms", lambda run: run["ack_p99_ms"], ".1f", False),
    ("at 200/s p50 ms", lambda run: run.get("gentle_p50_ms"), ".2f", False),
    ("at 200/s p95 ms", lambda run: run.get("gentle_p95_ms"), ".2f", False),
    ("at 200/s p99 ms", lambda run: run.get("gentle_p99_ms"), ".2f", False),
    ("RSS MB", lambda run: run["peak_rss_mb"].get("together"), ".0f", False),
)
CPU = ("api", "worker", "postgres", "redis")


def page(runs: Sequence[Run], limits: str, facts: Mapping[str, str]) -> str:
    """Markdown. ``limits`` is what the comparison printed, of which the lines about the limits are taken."""
    targets = list(dict.fromkeys(run["target"] for run in runs))
    mixes = list(dict.fromkeys(run["mix"] for run in runs))
    repetitions = len({run["rep"] for run in runs})
    made = f"{repetitions} repetitions of {runs[0]['deliveries']} deliveries over {runs[0]['conns']} connections"
    lines = ["# The way in, beside the Node peer", ""]
    lines += [f"Made by `uv run python -m benchmarks.ingest --write`: {made}.", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += [f"- {line}" for line in re.findall(r"^limits, .*|^\w+ +bst +share of .*", limits, re.MULTILINE)]
    for mix in mixes:
        lines += ["", f"## {mix}", "", f"| | {' | '.join(targets)} |", f"|---|{'---:|' * len(targets)}"]
        for name, measure, form, _ in MEASURES:
            cells = [spread(_values(runs, mix, target, measure), form) for target in targets]
            if any(cells):
                lines.append(f"| {name} | {' | '.join(cells)} |")
        for role in CPU:
            cells = [spread([run["cpu_s"][role] for run in _of(runs, mix, target)], ".2f") for target in targets]
            lines.append(f"| CPU s, {role} | {' | '.join(cells)} |")
        lines += ["", "BST in relation to the peer, median (range) of the repetitions:", ""]
        peers = [target for target in targets if target != "bst"]
        lines += [f"| | {' | '.join(peers)} |", f"|---|{'---:|' * len(peers)}"]
        for name, measure, _, more in MEASURES:
            cells = [spread(_ratios(runs, mix, peer, measure), ".2f") for peer in peers]
            if any(cells):
                lines.append(f"| {name}{'' if more else ' (less is better)'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _of(runs: Sequence[Run], mix: str, target: str) -> list[Run]:
    return [run for run in runs if (run["mix"], run["target"]) == (mix, target)]


def _values(runs: Sequence[Run], mix: str, target: str, measure: Measure) -> list[float]:
    return [value for run in _of(runs, mix, target) if (value := measure(run)) is not None]


def _ratios(runs: Sequence[Run], mix: str, peer: str, measure: Measure) -> list[float]:
    ours, theirs = (by_repetition(_of(runs, mix, target), measure) for target in ("bst", peer))
    return ratios(ours, theirs)
