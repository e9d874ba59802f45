"""What gates said of batches, and what else holds the next one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from attrs import frozen

from bst_domain.migration import GateRecord


@frozen(kw_only=True)
class BatchRun:
    """The newest run of a batch. One that is under way, was interrupted or failed has not ``succeeded``."""

    key: UUID
    succeeded: bool


class GateRecords(Protocol):
    """Raises Unavailable, and SchemaBehind where the tables are not there yet."""

    async def newest_run(self, batch: str) -> BatchRun | None:
        """None when the batch has never run. Dry runs are none."""
        ...

    async def record(self, said: GateRecord, *, checks: Sequence[Mapping[str, Any]], at: datetime) -> None:
        """Keeps what a gate said, with its checks for people; the newest word counts."""
        ...

    async def newest(self, gates: Sequence[str]) -> Mapping[str, GateRecord]:
        """The newest word of each of these gates that ever said one."""
        ...

    async def conflicts_open_since_before(self, instant: datetime) -> int:
        """Conflicts that were opened before it and are not settled yet."""
        ...
