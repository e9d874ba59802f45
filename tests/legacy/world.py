"""Two legacy databases on the run's PostgreSQL, with the truth of what they should come to."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from attrs import frozen

from bst_domain.migration import LegacySystem
from tests.servers import PostgresAddress

HERE = Path(__file__).parent


@frozen(kw_only=True)
class World:
    """The databases' URLs, and the generator's folder."""

    urls: dict[LegacySystem, str]
    folder: Path

    def truth(self, name: str) -> list[dict[str, str]]:
        """The lines of ``truth_{name}.csv``."""
        with (self.folder / f"truth_{name}.csv").open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))


@contextmanager
def a_world(
    server: PostgresAddress, folder: Path, *, seed: int = 1, bookings: int = 300, mess: float = 0.5
) -> Iterator[World]:
    """Generated and loaded; dropped afterwards."""
    names = {system: f"bst_{system}_{uuid4().hex}" for system in LegacySystem}
    try:
        urls = {system: server.create(name) for system, name in names.items()}
        subprocess.run(
            [
                *(sys.executable, HERE / "make_legacy.py", "--seed", str(seed), "--bookings", str(bookings)),
                *("--mess", str(mess), "--tours", "60", "--out", folder),
                *("--load", urls[LegacySystem.SHOP], urls[LegacySystem.ADMIN]),
            ],
            check=True,
            capture_output=True,
        )
        yield World(urls=urls, folder=folder)
    finally:
        for name in names.values():
            server.drop(name)
