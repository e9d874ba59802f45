"""Whether the volume has room: a judgement on figures, and the real volume of the server that tests run on."""

import pytest

from bst_postgres.backfill.storage import StorageStatus, Volume, find_volume, judge
from bst_postgres.database import Database

GB = 1000**3


@pytest.mark.parametrize(
    ("total", "free", "source", "status"),
    [
        (100 * GB, 31 * GB, GB, StorageStatus.OK),
        (100 * GB, 29 * GB, 0, StorageStatus.OK),  # a large volume may be fuller
        (100 * GB, 4 * GB, 0, StorageStatus.LOW),
        (100 * GB, 18 * GB, GB, StorageStatus.OK),
        (100 * GB, 16 * GB, GB, StorageStatus.LOW),
        (10 * GB, 9 * GB, 2 * GB, StorageStatus.LOW),  # what is needed is more
    ],
)
def test_what_is_enough(total: int, free: int, source: int, status: StorageStatus) -> None:
    judged = judge(Volume(total=total, free=free, told_by="here"), source_bytes=source)
    assert judged.status is status
    assert judged.free_percent == round(100 * free / total, 1)


def test_what_nobody_can_tell_is_no_pass() -> None:
    judged = judge(None, source_bytes=0)
    assert (judged.status, judged.free_percent) == (StorageStatus.UNKNOWN, None)
    assert "unknown" in judged.detail


async def test_the_volume_of_a_server_on_this_machine_is_found(postgres_dsn: str) -> None:
    database = Database(postgres_dsn)
    try:
        volume = await find_volume(database)
    finally:
        await database.close()
    assert volume is not None
    assert 0 < volume.free <= volume.total
