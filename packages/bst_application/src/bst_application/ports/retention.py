"""Forgetting what has been kept for long enough."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from bst_application.ports.audit import AuditEntry
from bst_domain.ingest import Kept


class RetentionStore(Protocol):
    """Only what ``bst_domain.ingest.may_be_forgotten`` allows is counted and deleted. Raises Unavailable and Conflict."""

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Whether this is the only runner, and keeps others out until the context is left. Never waits."""
        ...

    async def expired(self, kept: Kept, *, before: datetime) -> int:
        """How many would be forgotten. An event waits until none of its dead letters is left."""
        ...

    async def forget(self, kept: Kept, *, before: datetime, limit: int) -> int:
        """Deletes at most ``limit`` in one commit, oldest first; returns how many."""
        ...

    async def note(self, entry: AuditEntry) -> None:
        """Appends to the audit trail what a run has forgotten."""
        ...
