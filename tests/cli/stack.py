"""Commands as a user gives them, and a real ``bst up`` on a folder and a port of its own."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from attrs import define, field
from click.testing import CliRunner, Result

from bst_cli.data_folder import DataFolder
from bst_cli.main import main
from bst_cli.reading import Api, differences
from tests.servers import free_port

BST = [sys.executable, "-m", "bst_cli.main"]
WITHIN_S = 60.0
#: The environment of a test run must not lend a stack its servers.
FOREIGN = ("OPS_DB_URL", "DATABASE_URL", "INGEST_REDIS_URL", "REDIS_URL", "CORE_API_BASE_URL", "PORT")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


def bst(*arguments: str, within_s: float = WITHIN_S, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, in a process of its own; ``environ`` adds to its environment."""
    return subprocess.run(
        [*BST, *arguments],
        env={**environment(), **environ},
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )


def here(*arguments: str, **environ: str) -> Result:
    """The same in this process, which is left as it was. A process spends more time on its imports than on most commands.

    What no command may do, to end with a traceback, fails the test.
    """
    unset: dict[str, str | None] = dict.fromkeys(FOREIGN)
    thresholds = gc.get_threshold()  # a long back-fill sets its own
    try:
        with patch.dict(os.environ):
            return CliRunner().invoke(main, arguments, env={**unset, **environ}, catch_exceptions=False)
    finally:
        gc.set_threshold(*thresholds)


def until(condition: Callable[[], Any], what: str, within_s: float = WITHIN_S) -> Any:
    """Waits for something of the outside world; fails when it does not come."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come within {within_s} seconds"
        time.sleep(0.05)
    return found


@define(kw_only=True)
class Stack:
    """``bst up`` on a folder."""

    folder: Path
    port: int = field(factory=free_port)
    queue: str = "auto"
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it says that it is up."""
        command = [*BST, "up", "--data-dir", str(self.folder), "--port", str(self.port), "--queue", self.queue]
        log = (self.folder.parent / f"{self.folder.name}.log").open("w")
        self.process = subprocess.Popen(command, env=environment(), stdout=log, stderr=log, text=True)
        log_path = Path(log.name)

        def is_up() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, log_path.read_text()
            run = DataFolder(self.folder).last_run()
            return bool(run and run["pid"] == self.process.pid and "is up at" in log_path.read_text())

        until(is_up, "bst up")
        log.close()

    def child(self, name: str) -> int:
        """The pid of a child as the run records it."""
        run = DataFolder(self.folder).last_run()
        assert run is not None
        return int(run["children"][name][0])

    def processes(self) -> list[psutil.Process]:
        """Everything alive that works on this folder, or was started by this run."""
        mine = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if any(str(self.folder) in word for word in words) or str(self.port) in words:
                mine.append(process)
        return mine

    def stop(self) -> int:
        """As Ctrl-C's gentler sibling does; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_S)

    def api(self) -> Api:
        return Api(self.url, DataFolder(self.folder).secrets({})["CORE_API_ADMIN_TOKEN"])

    def wrong_bookings(self, expected: list[dict[str, Any]]) -> dict[str, Any]:
        """Waits until everything is processed, then compares every booking field by field."""
        api = self.api()
        try:
            api.wait_until_processed(within_s=WITHIN_S, progress=lambda *_: None)
            found = {(b["channelCode"], b["externalBookingRef"]): b for b in api.bookings()}
        finally:
            api.close()
        assert len(found) == len(expected)
        compared = {want["externalBookingRef"]: want for want in expected}
        named = {ref: found.get((want["channelCode"], ref)) for ref, want in compared.items()}
        return {ref: wrong for ref, want in compared.items() if (wrong := differences(want, named[ref]))}


@contextmanager
def a_folder() -> Iterator[Path]:
    """A short path that the embedded PostgreSQL's own user may enter."""
    parent = Path(tempfile.mkdtemp(prefix="bstup", dir="/tmp"))
    parent.chmod(0o755)
    try:
        yield parent / "data"
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextmanager
def a_stack(**how: Any) -> Iterator[Stack]:
    """A stack that is stopped, and swept away, at the end."""
    with a_folder() as folder:
        stack = Stack(folder=folder, **how)
        try:
            yield stack
        finally:
            if stack.process is not None and stack.process.poll() is None:
                stack.stop()
            for process in stack.processes():
                process.kill()
