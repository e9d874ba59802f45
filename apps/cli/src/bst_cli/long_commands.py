"""Commands that work for a while leave a line in the log, for machines that run them: what, how it ended, how long it took.

People on a terminal read the command's own words, so there the line is only written when BST_LOG_FORMAT asks for it.
"""

import functools
import logging
import os
import sys
from collections.abc import Callable
from time import perf_counter
from typing import ParamSpec, TypeVar

from bst_application.log_fields import fields
from bst_cli.trouble import Trouble

_log = logging.getLogger(__name__)

Given = ParamSpec("Given")
Result = TypeVar("Result")


def long_command(name: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Around a command's function, below its click options."""

    def around(run: Callable[Given, Result]) -> Callable[Given, Result]:
        @functools.wraps(run)
        def running(*arguments: Given.args, **options: Given.kwargs) -> Result:
            if not _wanted():
                return run(*arguments, **options)
            _configure()
            began, outcome = perf_counter(), "FAILED"
            try:
                result = run(*arguments, **options)
                outcome = "DONE"
                return result
            finally:
                level = logging.INFO if outcome == "DONE" else logging.ERROR
                said = fields(command=name, outcome=outcome, durationMs=round((perf_counter() - began) * 1000, 1))
                _log.log(level, "a command ended", extra=said)

        return running

    return around


def _wanted() -> bool:
    from bst_application.settings import is_production

    return bool(os.environ.get("BST_LOG_FORMAT", "").strip()) or (is_production(os.environ) and not sys.stderr.isatty())


def _configure() -> None:
    from bst_application.settings import BadSettings, log_settings
    from bst_telemetry.logs import configure_logs

    try:
        log_format, level = log_settings(os.environ)
    except BadSettings as error:
        raise Trouble("the settings cannot be used", "\n     ".join(error.problems)) from error
    configure_logs("bst", log_format=log_format, level=level)
