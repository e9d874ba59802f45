"""How near the database's limit: `uv run python -m benchmarks.limits [--quick] [--write]`.

accept_limit and process_limit (benchmarks/peer/limits) are what this machine's PostgreSQL does on one connection, without logic.
Beside them, in turn: BST's way in without HTTP against accept_limit, and two workers on a backlog against process_limit.
``--events`` is how many the limits and the way in get.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.limits.accept import CHECKS, FORMS, accept
from benchmarks.limits.backlog import drain_backlog
from benchmarks.rig import peer
from benchmarks.rig.run import CONNECTIONS, ROLES, asked, finish
from benchmarks.rig.servers import build, servers
from benchmarks.tables import Run, by_repetition, page, ratios, spread, table
from bst_postgres.migrate import upgrade

WORKERS = 2
GOALS = {"accept_limit": "30 % (64 callers, checked beforehand)", "process_limit": "50 %"}


def one_turn(rep: int, *, events: int, backlog: int, warm_up: int) -> Iterator[dict[str, Any]]:
    """Limit and product, limit and product."""
    yield {"what": "accept_limit", "rows_s": peer.limit("accept", events)}
    load = peer.load_of(events, "unique", f"A{rep}", 300 + rep)
    for name, form in FORMS.items():
        peer.reset()
        upgrade(peer.database_url())
        yield {"what": name, **accept(load, form)}
    yield {"what": "process_limit", "done_s": peer.limit("process", events)}
    peer.reset()
    load = peer.load_of(backlog, "unique", f"B{rep}", 400 + rep)
    yield {"what": "backlog", **drain_backlog(load, workers=WORKERS, warm_up=warm_up)}


def take(*, repetitions: int, events: int, backlog: int, warm_up: int) -> list[Run]:
    runs: list[Run] = []
    for rep in range(repetitions):
        for run in one_turn(rep, events=events, backlog=backlog, warm_up=warm_up):
            runs.append({"rep": rep, **run})
            print(rep, run, file=sys.stderr, flush=True)
    return runs


def sections(runs: Sequence[Run]) -> Iterator[str]:
    """A table a limit."""
    limit = _taken(runs, "accept_limit", "rows_s")
    rows = [
        ["accept_limit: the INSERT alone, 50 rows a commit, one connection", spread(list(limit.values()), ".0f"), ""]
    ]
    for name, form in FORMS.items():
        ours = _taken(runs, name, "rows_s")
        rows.append([f"BST, {form.said}", spread(list(ours.values()), ".0f"), spread(ratios(ours, limit), ".2f")])
    yield from ("", "## The way in, without HTTP", "")
    yield from table(["", "rows/s", "share of accept_limit"], rows)
    yield from ("", f"Goal: {GOALS['accept_limit']}.", "", "## A backlog", "")
    limit, ours = _taken(runs, "process_limit", "done_s"), _taken(runs, "backlog", "done_s")
    said = "process_limit: the rows alone, 100 events a commit, one connection"
    rows = [[said, spread(list(limit.values()), ".0f"), ""]]
    rows.append([f"BST, {WORKERS} workers", spread(list(ours.values()), ".0f"), spread(ratios(ours, limit), ".2f")])
    yield from table(["", "events/s", "share of process_limit"], rows)
    backlogs = [run for run in runs if run["what"] == "backlog"]
    starting = spread([run["start_up_s"] for run in backlogs], ".1f")
    cpu = ", ".join(f"{role} {spread([run['cpu_s'][role] for run in backlogs], '.1f')}" for role in ROLES)
    yield from (
        "",
        f"Goal: {GOALS['process_limit']}. Before the first group, the workers' own start took {starting} s.",
    )
    yield f"CPU seconds from their start to the end: {cpu}."


def _taken(runs: Sequence[Run], what: str, figure: str) -> dict[int, float]:
    return by_repetition([run for run in runs if run["what"] == what], lambda run: run[figure])


def main(arguments: Sequence[str] | None = None) -> int:
    given = asked("limits", __doc__, arguments, quick="one short turn", repetitions=3, events=20_000, backlog=20_000)
    build(with_peer=False)
    with servers() as facts:
        if given.quick:
            runs = take(repetitions=1, events=500, backlog=500, warm_up=0)
        else:
            runs = take(repetitions=given.repetitions, events=given.events, backlog=given.backlog, warm_up=2000)
    text = _text(runs, facts)
    return finish("limits", text=text, runs=runs, write=given.write, quick=given.quick, checks=CHECKS)


def _text(runs: Sequence[Run], facts: Mapping[str, str]) -> str:
    most = {run["what"]: run["events"] for run in runs if "events" in run}
    made = (
        f"Made by `uv run python -m benchmarks.limits --write`: {len({run['rep'] for run in runs})} repetitions; the way in "
        f"with {most['commit']} events, the backlog with {most['backlog']}, which an API had accepted over {CONNECTIONS} "
        "connections while no worker ran. Median (range); shares are of one repetition. Draining lasts from the first "
        "group's beginning until the last event is DONE."
    )
    return page("Beside the database's limits", made, facts, sections(runs))


if __name__ == "__main__":
    sys.exit(main())
