"""Who may ask: bearer tokens and the caller's role.

Source of the rules: predecessor, "admin authentication"; its order of checks and machine strings are kept. The shared token
works as it did there: whoever shows it says the role. A principal's token brings its own, which ``x-admin-role`` can only lower.
"""

from collections.abc import Mapping

from attrs import field, frozen

from bst_application.access import AccessBoard, same_token
from bst_application.ports.access import Principal, Role
from bst_litestar.problems import Refused, store_unavailable

__all__ = ["READERS", "WRITERS", "Role", "Tokens", "bearer"]

READERS = (Role.ADMIN, Role.STAFF, Role.MANAGER)
WRITERS = (Role.ADMIN, Role.MANAGER)

_SCHEME = "Bearer "
#: The mightiest last.
_MIGHT = (Role.STAFF, Role.MANAGER, Role.ADMIN)


@frozen(kw_only=True)
class Tokens:
    """The tokens that open something."""

    admin: str = field(repr=False)
    board: AccessBoard
    admin_required: bool

    def require_role(self, headers: Mapping[str, str], allowed: tuple[Role, ...]) -> None:
        """Raises Refused unless a token of an administrator and an allowed role are there."""
        if not self.admin_required:
            return
        token = bearer(headers.get("authorization"))
        if token is None:
            raise Refused(401, "ADMIN_AUTH_REQUIRED")
        principal = self.board.principal(token)
        if not same_token(token, self.admin) and principal is None:
            if not self.board.is_read:  # it may be a principal's, and nobody here can know
                raise store_unavailable("OPS_DB_UNAVAILABLE")
            raise Refused(401, "INVALID_ADMIN_TOKEN")
        role = headers.get("x-admin-role", "").strip().upper()
        if principal is not None:
            role = _lowered(principal.role, role)
        if not role:
            raise Refused(403, f"ADMIN_ROLE_REQUIRED:{','.join(allowed)}")
        if role not in allowed:
            raise Refused(403, f"ADMIN_ROLE_FORBIDDEN:{role[:64]}")

    def principal(self, headers: Mapping[str, str]) -> Principal | None:
        """Who asks, where that is a principal."""
        token = bearer(headers.get("authorization"))
        return None if token is None else self.board.principal(token)

    def is_admin(self, headers: Mapping[str, str]) -> bool:
        """Whether this is an administrator's token, in whatever role. Raises Refused where nobody here can know."""
        token = bearer(headers.get("authorization"))
        if token is None:
            return False
        if not self.admin_required or same_token(token, self.admin) or self.board.principal(token) is not None:
            return True
        if not self.board.is_read:
            raise store_unavailable("OPS_DB_UNAVAILABLE")
        return False

    def may_see(self, headers: Mapping[str, str], source: str) -> bool:
        """Whether the caller may see what an event of this source says: administrators any, producers what they may send."""
        token = bearer(headers.get("authorization"))
        if token is None:
            return False
        sender = self.board.sender(token)
        if sender is not None:
            return source in sender.sources
        return same_token(token, self.admin) or self.board.principal(token) is not None

    def is_guess(self, headers: Mapping[str, str]) -> bool:
        """Whether the caller shows a token that is nobody's, for doors that turn nobody away: the answer tells."""
        token = bearer(headers.get("authorization"))
        if token is None or not self.admin_required or same_token(token, self.admin):
            return False
        return self.board.principal(token) is None and self.board.sender(token) is None


def _lowered(own: Role, wanted: str) -> str:
    """The role that counts: the wanted one where it is lower than one's own. A word that is no role stays, and is refused."""
    if not wanted:
        return own
    if wanted not in _MIGHT:
        return wanted
    return min(own, Role(wanted), key=_MIGHT.index)


def bearer(header: str | None) -> str | None:
    """The token of an ``authorization`` header; the scheme is case-sensitive, as callers send it."""
    return header[len(_SCHEME) :] if header is not None and header.startswith(_SCHEME) else None
