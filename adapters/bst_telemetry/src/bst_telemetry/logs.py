"""Log lines on standard error: JSON for machines, text for a terminal; both say the same.

A line has its sentence, the fields of ``bst_application.log_fields`` and, of an exception, its types and places. The message of
an exception is left out unless the exception is ours: libraries quote what they choked on, and that may be a guest's name.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from bst_application.errors import Conflict, Unavailable
from bst_application.log_fields import FIELDS, bound_fields
from bst_application.settings import LogFormat

#: The innermost places of an exception that are told.
PLACES = 12


class _Formatter(logging.Formatter):
    def __init__(self, process: str, render: Callable[[Mapping[str, Any]], str]) -> None:
        super().__init__()
        self._process = process
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": _sentence(record),
        }
        said = {**bound_fields(), **getattr(record, "bst", {})}
        line.update((name, said[name]) for name in FIELDS if said.get(name) is not None)
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = told(record.exc_info[1])
        return self._render(line)


def _sentence(record: logging.LogRecord) -> str:
    """Libraries say in the first line what happened, and quote in the next ones what it happened to."""
    text = record.getMessage()
    return text if record.name.partition(".")[0] in OURS else text.partition("\n")[0]


def told(error: BaseException) -> list[str]:
    """An exception and what it came from: type, own words only where they are ours, and places from the inside out."""
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        kind = type(current)
        words = f": {current}" if isinstance(current, Unavailable | Conflict) else ""
        lines.append(f"{kind.__module__}.{kind.__qualname__}{words}")
        frames = traceback.extract_tb(current.__traceback__)[-PLACES:]
        lines += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines


def _as_json(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)


def _as_text(line: Mapping[str, Any]) -> str:
    said = " ".join(f"{name}={line[name]}" for name in FIELDS if name in line)
    words = f"{line['time']} {line['level']:<7} {line['message']}" + (f"  {said}" if said else "")
    return "\n".join([words.replace("\n", "\\n"), *(f"    {place}" for place in line.get("exception", ()))])


_RENDER: Mapping[LogFormat, Callable[[Mapping[str, Any]], str]] = {LogFormat.JSON: _as_json, LogFormat.TEXT: _as_text}


def configure_logs(process: str, *, log_format: LogFormat, level: str, stream: TextIO | None = None) -> None:
    """Sets up the whole process: our lines at ``level``, those of libraries from WARNING on."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(_Formatter(process, _RENDER[log_format]))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for ours in OURS:
        logging.getLogger(ours).setLevel(level)


#: The packages whose lines are ours.
OURS = (
    "bst_application",
    "bst_postgres",
    "bst_bullmq",
    "bst_litestar",
    "bst_telemetry",
    "bst_core_api",
    "bst_worker",
    "bst_cli",
)
