"""What a precheck says of the sources' servers."""

import pytest

from bst_cli.migrating.prechecking import readable
from bst_domain.migration import LegacySystem
from bst_legacy.databases import LegacyServer


@pytest.mark.parametrize(
    ("version", "encoding", "passed", "cure"),
    [
        (18, "UTF8", True, "PostgreSQL 14"),
        (14, "LATIN1", True, "PostgreSQL 14"),
        (13, "UTF8", False, "PostgreSQL 14"),  # it has no bit_xor, which digests are made of
        (18, "SQL_ASCII", False, "dump it and restore it"),
    ],
)
def test_a_source_that_cannot_be_read_to_the_end_is_refused_at_once(
    version: int, encoding: str, passed: bool, cure: str
) -> None:
    server = LegacyServer(system=LegacySystem.SHOP, version=version, encoding=encoding, time_zone="UTC", bytes=1)
    found = readable(server)
    assert (found.name, found.passed) == ("balisnap", passed)
    assert cure in found.cure
    assert f"PostgreSQL {version}, {encoding}" in found.detail
