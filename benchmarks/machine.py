"""Facts about the machine that a figure was taken on."""

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path


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
        "implementation": sys.implementation.name,
    }
