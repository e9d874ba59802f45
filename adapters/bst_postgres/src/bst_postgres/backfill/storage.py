"""Whether the server's volume has room for what a batch writes.

Source of the rule: schema-target 2.7 (at least 30% free), less strict where a volume has plainly more than is needed; what that
is, is estimated from the sources' own size.
"""

import shutil
from enum import StrEnum
from pathlib import Path

from attrs import frozen

from bst_postgres.database import Database

LEAST_FREE_PERCENT = 30.0
#: Bytes. What is free can be less than that share where there is this much, and twice what the batch needs.
PLENTY = 5 * 1000**3
#: What a byte of a source comes to here, at most: rows, facts, the fold, indexes, and the log that writing them leaves.
GROWTH = 6

# The setting is hidden from users who may not read all of them.
_WHERE = """
select (select setting from pg_settings where name = 'data_directory'),
  inet_server_addr() is null or host(inet_server_addr()) like '127.%' or host(inet_server_addr()) = '::1'
"""


class StorageStatus(StrEnum):
    """OK, too little, or nobody can tell."""

    OK = "OK"
    LOW = "LOW"
    UNKNOWN = "UNKNOWN"


@frozen(kw_only=True)
class Storage:
    """``free_percent`` is None where nobody can tell."""

    status: StorageStatus
    free_percent: float | None
    detail: str


@frozen(kw_only=True)
class Volume:
    """Bytes."""

    total: int
    free: int
    told_by: str


async def find_volume(database: Database) -> Volume | None:
    """The volume of the server's data directory, where server and directory are on this machine. Raises Unavailable."""
    async with database.transaction() as connection:
        row = await (await connection.execute(_WHERE.encode())).fetchone()
    assert row is not None
    directory, local = row
    if directory is None or not local:
        return None
    try:
        usage = shutil.disk_usage(Path(directory))
    except OSError:
        return None
    return Volume(total=usage.total, free=usage.free, told_by=directory)


def judge(volume: Volume | None, *, source_bytes: int) -> Storage:
    """``source_bytes``: of the tables that the batch reads; 0 where it reads none."""
    if volume is None:
        detail = "unknown: the server is elsewhere, or its data directory cannot be read from here"
        return Storage(status=StorageStatus.UNKNOWN, free_percent=None, detail=detail)
    percent = round(100 * volume.free / volume.total, 1)
    needed = GROWTH * source_bytes
    plenty = PLENTY + 2 * needed  # a large volume may be fuller
    enough = volume.free >= needed and (percent >= LEAST_FREE_PERCENT or volume.free >= plenty)
    detail = f"{percent}% free ({_size(volume.free)}) of {volume.told_by}; {_size(needed)} may be needed"
    if not enough and percent < LEAST_FREE_PERCENT:
        detail = f"{detail}; {LEAST_FREE_PERCENT:.0f}% must be free, or {_size(plenty)}"
    return Storage(status=StorageStatus.OK if enough else StorageStatus.LOW, free_percent=percent, detail=detail)


def _size(number: int) -> str:
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
