"""All measurements of running processes, one after the other: `uv run python -m benchmarks [--quick] [--write]`.

With one PostgreSQL and one Redis for all. Exit code 1 when a correctness check of any of them is not 0. The whole takes more than
half an hour on two cores, and wants a machine on which nothing else runs.
"""

import argparse
import importlib
import sys
import time

from benchmarks.rig.servers import build, servers

MEASUREMENTS = ("ingest", "limits", "growth", "memory", "scale_out")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short forms, to see that all of them run")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/*")
    given = parser.parse_args()
    passed_on = [name for name, is_given in (("--quick", given.quick), ("--write", given.write)) if is_given]
    build(with_peer=not given.quick)
    wrong = []
    with servers():
        for name in MEASUREMENTS:
            began = time.monotonic()
            if importlib.import_module(f"benchmarks.{name}.__main__").main(passed_on):
                wrong.append(name)
            print(f"benchmarks.{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if wrong:
        print(f"wrong: {', '.join(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
