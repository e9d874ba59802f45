"""The sample day: a stream of deliveries, and the bookings that must come out of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

GENERATOR = Path(__file__).with_name("make_events.py")


@frozen(kw_only=True)
class SampleDay:
    """``deliveries`` in sending order, each {"idempotencyKey", "body"}; ``expected`` one booking each."""

    deliveries: Path
    expected: list[dict[str, Any]]


def make_day(folder: Path, *, seed: int, bookings: int) -> SampleDay:
    """Writes the day of a seed into a folder. The same arguments make the same bytes."""
    command = [sys.executable, str(GENERATOR), "--seed", str(seed), "--bookings", str(bookings), "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    lines = (folder / "expected.jsonl").read_text("utf-8").splitlines()
    return SampleDay(deliveries=folder / "deliveries.jsonl", expected=[json.loads(line) for line in lines])
