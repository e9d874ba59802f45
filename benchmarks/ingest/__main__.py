"""Measures the way in against a Node peer: `uv run python -m benchmarks.ingest [--quick] [--write]`.

Peer, stronger peer, BST and the two limits in turn, repetition after repetition, with the same signed requests on the same
PostgreSQL and Redis; every run is checked in SQL afterwards. What is compared are the ratios of one repetition. Nothing but the
checks decides the exit code. Needs gcc, and node and npm for the peer; PostgreSQL and Redis come from the machine or from wheels.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ingest.table import page
from benchmarks.rig import peer
from benchmarks.rig.run import asked, finish
from benchmarks.rig.servers import PEER, ROOT, build, free_port, servers

MIXES = ("unique", "dup30", "hot10")
TARGETS = ("node", "bst", "node-cte")


def quick() -> list[dict[str, Any]]:
    """One small run of BST alone, to see that it runs and that the checks are 0."""
    command = [".venv/bin/python", "load/run.py", "--target", "bst", "--mix", "dup30", "-n", "1000", "--warm", "100"]
    command += ["--project", str(ROOT), "--port", str(free_port())]
    done = subprocess.run(command, cwd=PEER, check=True, stdout=subprocess.PIPE, text=True)
    return [peer.last_line(done.stdout)]


def matrix(*, repetitions: int, deliveries: int) -> tuple[list[dict[str, Any]], str]:
    """The whole comparison: its runs, and what it printed of the limits."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "runs.jsonl"
        command = [".venv/bin/python", "load/matrix.py", "--limits"]
        command += ["--targets", ",".join(TARGETS), "--mixes", ",".join(MIXES)]
        command += ["-n", str(deliveries), "-r", str(repetitions), "--project", str(ROOT), "--port", str(free_port())]
        command += ["--out", str(out)]
        with subprocess.Popen(command, cwd=PEER, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            said = []
            for line in running.stdout:  # each run as it ends: this takes many minutes
                print(line, end="", file=sys.stderr, flush=True)
                said.append(line)
        return [json.loads(line) for line in out.read_text("utf-8").splitlines()], "".join(said)


def main(arguments: Sequence[str] | None = None) -> int:
    given = asked("ingest", __doc__, arguments, quick="a short run of BST alone", repetitions=3, deliveries=10_000)
    build(with_peer=not given.quick)
    with servers() as facts:
        if given.quick:
            runs, limits = quick(), ""
        else:
            runs, limits = matrix(repetitions=given.repetitions, deliveries=given.deliveries)
    text = "" if given.quick else page(runs, limits, facts)
    missing = 0 if given.quick else given.repetitions * len(MIXES) * len(TARGETS) - len(runs)
    if missing:
        print(f"benchmarks.ingest: {missing} runs failed; they are said above", file=sys.stderr)
    return finish("ingest", text=text, runs=runs, write=given.write, quick=given.quick) or int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
