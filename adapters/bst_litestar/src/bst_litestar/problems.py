"""Every way to say no: one exception, one table from machine string to HTTP status."""

from collections.abc import Mapping
from typing import Any

from bst_domain.ingest import Refusal


class Refused(Exception):
    """A request that is answered with an error envelope. ``message`` is the machine string."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details
        self.headers = dict(headers or {})


#: Total over Refusal: malformed is 400, not let in is 401.
REFUSAL_STATUS: Mapping[Refusal, int] = {
    Refusal.MISSING_HEADERS: 400,
    Refusal.INVALID_NONCE: 400,
    Refusal.INVALID_KEY: 400,
    Refusal.UNSUPPORTED_ALGORITHM: 401,
    Refusal.INVALID_TIMESTAMP: 400,
    Refusal.DRIFT: 401,
    Refusal.MISMATCH: 401,
}

#: Seconds after which a producer may try again.
RETRY_AFTER = {"retry-after": "1"}


def store_unavailable(message: str) -> Refused:
    """The database does not answer: nothing was accepted, nothing is lost, come back."""
    return Refused(503, message, headers=RETRY_AFTER)


def rate_limited(wait_s: int) -> Refused:
    """Too many; ``wait_s`` is whole seconds, at least 1."""
    return Refused(429, "RATE_LIMITED", headers={"retry-after": str(wait_s)})


def invalid_input(path: str, code: str, message: str) -> Refused:
    """One thing that is wrong with a query or a path, in the form that bodies use."""
    return Refused(400, code, details={"errors": [{"path": path, "code": code, "message": message}]})
