"""Memory over a longer load: `uv run python -m benchmarks.memory [--quick] [--write]`.

One API and one worker take a load of 60,000 events; what they hold is looked at every second. The first third of the time against
the last shows a leak; the sum is what a small server must have room for.
"""

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from attrs import asdict

from benchmarks.memory.sampling import WRAPPER, Sample, sampling, thirds
from benchmarks.rig import peer
from benchmarks.rig.run import CONNECTIONS, asked, finish, measured, progress
from benchmarks.rig.servers import build, servers
from benchmarks.rig.stack import Stack
from benchmarks.tables import Run, page, table

GOAL_MB = 300
KINDS = ("RSS", "PSS")


def sections(runs: Sequence[Run]) -> Iterator[str]:
    """A table a run: each process, then API and worker together."""
    for run in runs:
        samples = [Sample(**sample) for sample in run["samples"]]
        yield from ("", f"## Run {run['rep'] + 1}: {run['events']} events in {samples[-1].at:.0f} s", "")
        head = ["MB", *(f"{kind}, {when}" for kind in KINDS for when in ("first third", "last third", "most"))]
        names = sorted({name for sample in samples for name in sample.used}, key=lambda name: (WRAPPER in name, name))
        rows = [
            _row(name, [[sample.used.get(name, (0.0, 0.0))[kind] for sample in samples] for kind in range(2)])
            for name in names
        ]
        together = [[sample.together(kind) for sample in samples] for kind in range(2)]
        rows.append(_row("**API and worker together**", together))
        yield from table(head, rows)
        growth = [growth_of(series) for series in together]
        grown = "; ".join(f"{kind} {grows:+.1f} %" for kind, grows in zip(KINDS, growth, strict=True))
        yield from ("", f"Last third against first third: {grown}. Goal: below {GOAL_MB} MB together at most.")


def growth_of(series: Sequence[float]) -> float:
    """By how many percent the median of the last third is above that of the first."""
    first, _, last = thirds(series)
    return (statistics.median(last) / statistics.median(first) - 1) * 100 if first else 0.0


def _row(name: str, kinds: Sequence[Sequence[float]]) -> list[str]:
    cells = [name]
    for series in kinds:
        first, _, last = thirds(series)
        cells += [f"{statistics.median(part):.0f}" if part else "" for part in (first, last)]
        cells.append(f"{max(series):.0f}")
    return cells


def take(*, repetitions: int, events: int, warm_up: int = 2000) -> list[Run]:
    runs: list[Run] = []
    for rep in range(repetitions):
        samples: list[Sample] = []

        def watching(stack: Stack, samples: list[Sample] = samples) -> AbstractContextManager[None]:
            return sampling(stack.roles(), samples)

        load = peer.load_of(events, "unique", f"M{rep}", 700 + rep)
        peer.reset()
        run = {"rep": rep, **measured(load, warm_up=warm_up, watching=watching)}
        run["samples"] = [asdict(sample) for sample in samples]
        runs.append(run)
        progress(f"{rep} {max(sample.together(1) for sample in samples):.0f} MB (PSS)", run)
    return runs


def main(arguments: Sequence[str] | None = None) -> int:
    given = asked("memory", __doc__, arguments, quick="a short run", repetitions=2, events=60_000)
    build(with_peer=False)
    with servers() as facts:
        if given.quick:
            runs = take(repetitions=1, events=500, warm_up=0)
        else:
            runs = take(repetitions=given.repetitions, events=given.events)
    return finish("memory", text=_text(runs, facts), runs=runs, write=given.write, quick=given.quick)


def _text(runs: Sequence[Run], facts: Mapping[str, str]) -> str:
    made = (
        f"Made by `uv run python -m benchmarks.memory --write`: one API, one worker, {runs[0]['events']} events over "
        f"{CONNECTIONS} connections as fast as they are taken, a look every second until the last one is processed. "
        f"Medians. `{WRAPPER}` is what the wrapper keeps for itself, and not in the sum: an installed `bst` goes without."
    )
    return page("Memory", made, facts, sections(runs))


if __name__ == "__main__":
    sys.exit(main())
