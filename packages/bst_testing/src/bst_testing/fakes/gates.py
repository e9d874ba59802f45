"""What gates said, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import define, field

from bst_application.ports.gates import BatchRun
from bst_domain.migration import GateRecord


@define(kw_only=True)
class MemoryGateRecords:
    """GateRecords. ``runs`` and ``open_conflicts`` (when each was opened) are set by whoever tests."""

    runs: dict[str, BatchRun] = field(factory=dict)
    open_conflicts: list[datetime] = field(factory=list)
    said: dict[str, GateRecord] = field(factory=dict)

    async def newest_run(self, batch: str) -> BatchRun | None:
        return self.runs.get(batch)

    async def record(self, said: GateRecord, *, checks: Sequence[Mapping[str, Any]], at: datetime) -> None:  # noqa: ARG002 - for people
        self.said[said.gate] = said

    async def newest(self, gates: Sequence[str]) -> Mapping[str, GateRecord]:
        return {gate: self.said[gate] for gate in gates if gate in self.said}

    async def conflicts_open_since_before(self, instant: datetime) -> int:
        return sum(opened < instant for opened in self.open_conflicts)
