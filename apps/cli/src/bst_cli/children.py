"""Child processes: started, watched, started again when they die, stopped in order."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep

import psutil
from attrs import define, field

from bst_cli.trouble import Trouble

STOP_WITHIN_S = 15.0
#: So many deaths within this time are not bad luck any more.
DEATHS = 5
WITHIN_S = 60.0
LOG_LINES = 15
FIRST_PAUSE_S = 0.5


@define(kw_only=True)
class Child:
    """One process of the stack. Its output goes to a file of its own."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _deaths: deque[float] = field(factory=deque, init=False)
    _not_before: float = field(default=0.0, init=False)

    def start(self) -> None:
        """In a session of its own: Ctrl-C reaches ``bst up`` alone, which stops its children in order."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def identity(self) -> tuple[int, float] | None:
        """Pid and start time: together they name a process even after the pid was used again."""
        if self._process is None or self._process.poll() is not None:
            return None
        try:
            return self._process.pid, psutil.Process(self._process.pid).create_time()
        except psutil.Error:
            return None

    def died(self) -> int | None:
        """The exit code when it has ended, else None."""
        return None if self._process is None else self._process.poll()

    def start_again(self) -> bool:
        """After a death: at once the first time, later and later when it keeps dying. Whether it was started now.

        Raises Trouble when it is no bad luck any more.
        """
        now = monotonic()
        if self._not_before > now:
            return False
        self._deaths.append(now)
        while now - self._deaths[0] > WITHIN_S:
            self._deaths.popleft()
        if len(self._deaths) >= DEATHS:
            end = f"The end of {self.log}:\n{self.last_lines()}"
            raise Trouble(f"{self.name} ended {DEATHS} times within {WITHIN_S:.0f} seconds. {end}")
        self._not_before = now + FIRST_PAUSE_S * 2 ** (len(self._deaths) - 1)
        self.start()
        return True

    def last_lines(self) -> str:
        """The end of its log."""
        try:
            lines = self.log.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])

    def stop(self) -> None:
        """Asks, waits, and insists."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def stop_leftovers(children: Mapping[str, tuple[int, float]]) -> list[str]:
    """Stops what a killed run left running; returns the names. A pid that means another process by now is left alone."""
    stopped = []
    for name, (pid, started) in children.items():
        try:
            process = psutil.Process(pid)
            if pid == os.getpid() or abs(process.create_time() - started) > 1:
                continue
            process.send_signal(signal.SIGTERM)
            if not _gone(process):
                process.kill()
                _gone(process)
        except psutil.NoSuchProcess:
            continue
        stopped.append(name)
    return stopped


def _gone(process: psutil.Process) -> bool:
    """Waits for the end of a process that is no child of ours; one that nobody buries is at its end, too."""
    deadline = monotonic() + STOP_WITHIN_S
    while monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        sleep(0.02)
    return False
