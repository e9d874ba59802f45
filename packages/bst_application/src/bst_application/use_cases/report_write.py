"""A caller reports a dual write: kept once, audited, and judged by what both systems made of it, not by the caller's own word."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from attrs import asdict, frozen

from bst_application.ports.cutover import WriteLedger
from bst_application.use_cases.once_a_key import KeyReused
from bst_application.use_cases.repair import Author, entry_of
from bst_domain.ingest import canonical_text, fingerprint
from bst_domain.migration import ReportedWrite, TimedWrite

EVENT: Final = "OPS_WRITE_CUTOVER_EVENT"


@frozen
class WriteTaken:
    """``recorded``: core was attempted; else there is nothing to compare, and nothing is kept. ``repeated``: it was known."""

    recorded: bool
    repeated: bool


@frozen(kw_only=True)
class ReportWrite:
    """Idempotent by the id that the caller gives each write."""

    ledger: WriteLedger
    now: Callable[[], datetime]

    async def __call__(self, write_id: str, write: ReportedWrite, *, by: Author) -> WriteTaken | KeyReused:
        """KeyReused: the id belongs to another report. Raises Unavailable and Conflict."""
        if not write.core_attempted:
            return WriteTaken(recorded=False, repeated=False)
        now = self.now()
        entry = entry_of(
            EVENT, by, now, resource=("BOOKING", write.booking_id or ""), metadata=audited(write_id, write)
        )
        kept = await self.ledger.keep(
            TimedWrite(write_id=write_id, at=now, write=write), entry, digest=fingerprint(canonical_text(asdict(write)))
        )
        if not kept.same:
            return KeyReused()
        return WriteTaken(recorded=True, repeated=not kept.new)


def audited(write_id: str, write: ReportedWrite) -> Mapping[str, Any]:
    """The members are those that readers of the predecessor's audit rows know; outcomes are named, not told: they may hold
    guests' words."""
    return {
        "writeId": write_id,
        "operation": write.operation,
        "actorRole": write.actor_role,
        "bookingId": write.booking_id,
        "coreAttempted": write.core_attempted,
        "coreSuccess": write.core_success,
        "coreStatus": write.core_status,
        "coreError": write.core_error,
        "strictMode": write.strict_mode,
        "fallbackUsed": write.fallback_used,
        "legacyAttempted": write.legacy_attempted,
        "legacySuccess": write.legacy_success,
        "legacyError": write.legacy_error,
        "mismatch": write.mismatch,
        "differingFields": list(write.differing),
        "metadata": dict(write.metadata),
    }
