"""A flag that a signal handler may set. threading.Event may not: its lock is held for a moment in every wait, and a handler that
runs in that moment waits for it for ever."""

import time


class StopFlag:
    """Set once; waiting looks at it, in steps short enough for a person."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float) -> bool:
        """Whether it is set, after at most this long."""
        if not self._set:
            time.sleep(seconds)
        return self._set
