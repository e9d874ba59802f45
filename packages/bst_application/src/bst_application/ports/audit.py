"""The audit trail: append-only, for every administrative and every manual act."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from attrs import frozen


@frozen(kw_only=True)
class AuditEntry:
    """Who did what to what. ``metadata`` is a small JSON object without guest data."""

    event_type: str
    actor: str
    resource_type: str | None
    resource_id: str | None
    metadata: Mapping[str, Any]
    at: datetime
    request_id: str | None = None


class AuditTrail(Protocol):
    async def append(self, entry: AuditEntry) -> None:
        """Raises Unavailable."""
        ...
