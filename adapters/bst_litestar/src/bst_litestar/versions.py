"""Optimistic versions: ``ETag`` says which version an answer is, ``If-Match`` which one a change is meant for."""

import re

from bst_litestar.problems import Refused, invalid_input
from bst_litestar.requests import AnyRequest

_VERSION = re.compile(r'"(\d{1,9})"', re.ASCII)
_ANY = "*"


def etag(version: int) -> dict[str, str]:
    """The header of an answer."""
    return {"etag": f'"{version}"'}


def wanted_version(request: AnyRequest) -> int | None:
    """The version that ``If-Match`` names; None where there is none, or any will do. Raises Refused."""
    stated = request.headers.get("if-match", "").strip()
    if not stated or stated == _ANY:
        return None
    match = _VERSION.fullmatch(stated)
    if match is None:
        raise invalid_input("If-Match", "INVALID_IF_MATCH", 'If-Match must be one version in quotes, such as "3"')
    return int(match[1])


def passed(current: int) -> Refused:
    """The caller has not seen the present version: nothing was written."""
    return Refused(412, "VERSION_MISMATCH", details={"currentVersion": current}, headers=etag(current))
