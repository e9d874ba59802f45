"""Who may ask: bearer tokens, compared in constant time, and the caller's role.

Source of the rules: predecessor, "admin authentication"; its order of checks and machine strings are kept.
"""

from collections.abc import Mapping
from enum import StrEnum
from hmac import compare_digest

from attrs import field, frozen

from bst_litestar.problems import Refused


class Role(StrEnum):
    ADMIN = "ADMIN"
    STAFF = "STAFF"
    MANAGER = "MANAGER"


READERS = (Role.ADMIN, Role.STAFF, Role.MANAGER)
WRITERS = (Role.ADMIN, Role.MANAGER)

_SCHEME = "Bearer "


@frozen(kw_only=True)
class Tokens:
    """The tokens that open something."""

    admin: str = field(repr=False)
    service: str = field(repr=False)
    admin_required: bool

    def require_role(self, headers: Mapping[str, str], allowed: tuple[Role, ...]) -> None:
        """Raises Refused unless the admin token and an allowed role are there."""
        if not self.admin_required:
            return
        token = bearer(headers.get("authorization"))
        if token is None:
            raise Refused(401, "ADMIN_AUTH_REQUIRED")
        if not equal(token, self.admin):
            raise Refused(401, "INVALID_ADMIN_TOKEN")
        role = headers.get("x-admin-role", "").strip().upper()
        if not role:
            raise Refused(403, f"ADMIN_ROLE_REQUIRED:{','.join(allowed)}")
        if role not in allowed:
            raise Refused(403, f"ADMIN_ROLE_FORBIDDEN:{role[:64]}")

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether the caller shows any token of ours."""
        token = bearer(headers.get("authorization"))
        return token is not None and (equal(token, self.admin) or equal(token, self.service))


def bearer(header: str | None) -> str | None:
    """The token of an ``authorization`` header; the scheme is case-sensitive, as callers send it."""
    return header[len(_SCHEME) :] if header is not None and header.startswith(_SCHEME) else None


def equal(given: str, expected: str) -> bool:
    """Takes the same time whatever the difference; an unset token opens nothing."""
    return bool(expected) and compare_digest(given.encode(), expected.encode())
