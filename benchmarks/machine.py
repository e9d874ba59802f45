"""Facts about the machine that a figure was taken on."""

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

PAGE = b"\0" * 8192  # what PostgreSQL writes at least


def machine() -> dict[str, str]:
    """Name -> value, as shown above every table."""
    cpuinfo = Path("/proc/cpuinfo")
    model = ""
    if cpuinfo.exists():
        model = next(
            (line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line), ""
        )
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": f"{os.cpu_count()} x {model or platform.processor() or 'unknown'}",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "implementation": sys.implementation.name,
    }


def storage(folder: Path, *, seconds: float = 0.5) -> str:
    """On what a folder lies, and how often a second that makes a page durable: a commit on one connection is no faster."""
    probe, began, count = folder / "fdatasync.probe", perf_counter(), 0
    with probe.open("wb", buffering=0) as file:
        while (took := perf_counter() - began) < seconds:
            file.seek(0)
            file.write(PAGE)
            os.fdatasync(file.fileno())
            count += 1
    probe.unlink()
    return f"{_filesystem(folder)}, {count / took:.0f} fdatasync/s of {len(PAGE)} bytes"


def _filesystem(folder: Path) -> str:
    """What is mounted there: the mount whose path is the longest beginning of the folder's."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "an unknown file system"
    found = [line.split()[:3] for line in mounts.read_text().splitlines()]
    _, device, kind = max(
        (len(where), device, kind) for device, where, kind in found if folder.resolve().is_relative_to(where)
    )
    return f"{kind} ({device})"
