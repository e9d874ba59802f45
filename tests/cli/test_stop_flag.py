"""A signal that arrives while the flag is waited for stops the wait, every time."""

import signal

from bst_cli.stack import stopping_on_signals


def test_a_signal_during_a_wait_is_never_waited_for() -> None:
    for _ in range(50):
        with stopping_on_signals() as stop:
            signal.raise_signal(signal.SIGTERM)
            assert stop.wait(0.01)
            signal.raise_signal(signal.SIGINT)  # a second one changes nothing
            assert stop.is_set()
