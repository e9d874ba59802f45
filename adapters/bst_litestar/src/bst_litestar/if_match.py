"""``If-Match`` on writes: the versions that whoever writes may have seen (RFC 9110, 13.1.1)."""

import re
from collections.abc import Mapping

from bst_litestar.problems import invalid_input

#: One entity tag. Without quotes it is no tag, but it is clear what is meant.
_TAG = re.compile(r'\s*(?:(W/)?"([^"]*)"|(\d+))\s*', re.ASCII)
_VERSION = re.compile(r"\d{1,9}", re.ASCII)


def expected_versions(headers: Mapping[str, str]) -> frozenset[int] | None:
    """None: whatever version it is, because nobody said or because ``*`` was. Raises Refused for what is no list of tags.

    A weak tag matches nothing, as the standard has it, and neither does one that is no version.
    """
    said = headers.get("if-match")
    if said is None or said.strip() == "*":
        return None
    versions: set[int] = set()
    for part in said.split(","):
        tag = _TAG.fullmatch(part)
        if tag is None:
            raise invalid_input("if-match", "INVALID_IF_MATCH", 'If-Match must be "<version>", a list of such, or *')
        weak, quoted, bare = tag.groups()
        number = bare or quoted
        if weak is None and number is not None and _VERSION.fullmatch(number):
            versions.add(int(number))
    return frozenset(versions)


def entity_tag(version: int) -> dict[str, str]:
    """The header that names a version."""
    return {"etag": f'"{version}"'}
