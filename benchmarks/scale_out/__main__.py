"""More processes: `uv run python -m benchmarks.scale_out [--quick] [--write]`.

One and two API processes beside one to four workers, in turn, with the same load. As an operator would do it: each API on a
port of its own, all on one database and one Redis. Where the operator has a balancer that goes round, the load generator sends
every second delivery to the second port itself, over half of the connections; a balancer's own cost is left out. On a machine
with two cores this cannot show a gain; it shows whether processes hurt one another.
"""

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.rig import peer
from benchmarks.rig.run import CONNECTIONS, asked, finish, measured, progress
from benchmarks.rig.servers import build, servers
from benchmarks.tables import Measure, Run, by_repetition, page, ratios, spread, table

MIXES = ("unique", "hot10")
SHAPES = tuple(itertools.product((1, 2), (1, 2, 3, 4)))
MEASURES: Sequence[tuple[str, Measure]] = (
    ("accepted/s", lambda run: run["accepted_s"]),
    ("done/s", lambda run: run["e2e_events_s"]),
    ("events per CPU second", lambda run: run["events_per_cpu_s"]),
)


def sections(runs: Sequence[Run]) -> Iterator[str]:
    """A table a mix: figures, and their ratio to one API and one worker in the same repetition."""
    for mix in dict.fromkeys(run["mix"] for run in runs):
        yield from ("", f"## {mix}", "")
        rows = []
        base = _of(runs, mix, (1, 1))
        for apis, workers in dict.fromkeys((run["apis"], run["workers"]) for run in runs):
            here = _of(runs, mix, (apis, workers))
            row = [f"{apis} API + {workers} worker{'' if workers == 1 else 's'}"]
            for _, measure in MEASURES:
                taken = by_repetition(here, measure)
                row += [
                    spread(list(taken.values()), ".0f"),
                    spread(ratios(taken, by_repetition(base, measure)), ".2f"),
                ]
            rows.append([*row, spread([run["events_a_group"] for run in here], ".0f")])
        figures = itertools.chain.from_iterable((name, "ratio to 1 + 1") for name, _ in MEASURES)
        yield from table(["", *figures, "events a worker's commit"], rows)


def _of(runs: Sequence[Run], mix: str, shape: tuple[int, int]) -> list[Run]:
    return [run for run in runs if (run["mix"], run["apis"], run["workers"]) == (mix, *shape)]


def take(*, repetitions: int, deliveries: int, quick: bool) -> list[Run]:
    """All runs, shape after shape, backwards in every second repetition."""
    shapes, mixes, warm_up = (((2, 2),), ("hot10",), 0) if quick else (SHAPES, MIXES, 2000)
    runs: list[Run] = []
    for rep, mix in itertools.product(range(repetitions), mixes):
        load = peer.load_of(deliveries, mix, f"S{rep}{mix[0].upper()}", 500 + rep)
        for apis, workers in shapes if rep % 2 == 0 else shapes[::-1]:
            peer.reset()
            run = {"rep": rep, "mix": mix, **measured(load, apis=apis, workers=workers, warm_up=warm_up)}
            runs.append(run)
            progress(f"{rep} {mix:6} {apis} + {workers}", run)
    return runs


def main(arguments: Sequence[str] | None = None) -> int:
    given = asked("scale_out", __doc__, arguments, quick="one short run of 2 + 2", repetitions=3, deliveries=10_000)
    build(with_peer=False)
    with servers() as facts:
        if given.quick:
            runs = take(repetitions=1, deliveries=500, quick=True)
        else:
            runs = take(repetitions=given.repetitions, deliveries=given.deliveries, quick=False)
    return finish("scale_out", text=_text(runs, facts), runs=runs, write=given.write, quick=given.quick)


def _text(runs: Sequence[Run], facts: Mapping[str, str]) -> str:
    repetitions = len({run["rep"] for run in runs})
    made = (
        f"Made by `uv run python -m benchmarks.scale_out --write`: {repetitions} repetitions of {runs[0]['deliveries']} "
        f"deliveries over {CONNECTIONS} connections; with two APIs each has a port and half of the connections, and gets "
        "every second delivery. Median (range); ratios are of one repetition."
    )
    return page("More processes", made, facts, sections(runs))


if __name__ == "__main__":
    sys.exit(main())
