"""Which gates hold which batch, and whether anything holds one now.

Source of the rules: issue 7 (a gate that has not passed holds the next batch), semantics 10 (a conflict open for over 24 hours
does, too). A gate speaks for the run that it looked at: what it said before the batch ran again says nothing any more.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from attrs import frozen

from bst_domain.migration._gates import Verdict

#: The batches, in the order in which one moves in.
BATCH_ORDER = "ABCDEFGH"

#: Batch -> the gates that judge it, by their commands' names. All of them must have passed before the next batch runs.
GATES_OF: Mapping[str, tuple[str, ...]] = {
    "A": ("schema",),
    "B": ("reference-data",),
    "C": ("catalog-bridge",),
    "D": ("booking-bridge", "duplicates"),
    "E": ("payment-finance-bridge", "batch-mismatch", "payment-mismatch-daily"),
    "F": ("ingest-processing", "ingest-dlq-growth", "ingest-duplicate-delivery", "ingest-retention-policy"),
    "G": (),
    "H": (),
}

#: Gate -> the batch that it judges.
JUDGES: Mapping[str, str] = {gate: batch for batch, gates in GATES_OF.items() for gate in gates}


def batch_before(batch: str) -> str | None:
    """None before the first."""
    place = BATCH_ORDER.index(batch)
    return BATCH_ORDER[place - 1] if place else None


@frozen(kw_only=True)
class GateRecord:
    """What a gate last said. ``judged_run`` is the run of its batch that it looked at, None where there was none to look at."""

    gate: str
    verdict: Verdict
    judged_run: UUID | None
    open_checks: tuple[str, ...] = ()  # those that did not pass
    report: str | None = None


class HoldReason(StrEnum):
    """Why a batch may not run."""

    UNFINISHED = "UNFINISHED"  # the batch before
    NEVER_RUN = "NEVER_RUN"
    STALE = "STALE"  # the batch that the gate judges has run since
    NOT_PASSED = "NOT_PASSED"
    CONFLICTS = "CONFLICTS"


@frozen(kw_only=True)
class Hold:
    """One thing that holds a batch; ``cure`` is what to do, as commands where there are any."""

    what: str
    reason: HoldReason
    detail: str
    cure: str


def holds_of(
    batch: str, *, newest_run: UUID | None, records: Mapping[str, GateRecord], conflicts_open_too_long: int
) -> list[Hold]:
    """Everything that holds the batch; nothing holds the first.

    ``newest_run`` is that of the batch before, None where it has not come to its end; ``records`` has the newest word of
    each gate that ever ran.
    """
    before = batch_before(batch)
    if before is None:
        return []
    if newest_run is None:
        cure = f"bst migrate run --batch {before}"
        detail = "has not run, or its last run has not come to its end"
        found = [Hold(what=f"batch {before}", reason=HoldReason.UNFINISHED, detail=detail, cure=cure)]
    else:
        held = [_held(gate, before, newest_run, records.get(gate)) for gate in GATES_OF[before]]
        found = [hold for hold in held if hold is not None]
    if conflicts_open_too_long:
        found.append(
            Hold(
                what="conflicts",
                reason=HoldReason.CONFLICTS,
                detail=f"{conflicts_open_too_long} open for over 24 hours",
                cure="settle them: POST /v1/ops/bookings/{id}/conflicts/{conflictId}/resolve",
            )
        )
    return found


def _held(gate: str, judges: str, newest_run: UUID, record: GateRecord | None) -> Hold | None:
    command = f"bst gate {gate}"
    if record is None:
        return Hold(what=gate, reason=HoldReason.NEVER_RUN, detail=f"has not judged batch {judges} yet", cure=command)
    if record.judged_run != newest_run:
        detail = f"has not judged the last run of batch {judges}"
        return Hold(what=gate, reason=HoldReason.STALE, detail=detail, cure=command)
    if record.verdict is Verdict.PASS:
        return None
    checks = f": {', '.join(record.open_checks)}" if record.open_checks else ""
    see = f"see {record.report}, mend it, then {command}" if record.report else f"mend it, then {command}"
    return Hold(what=gate, reason=HoldReason.NOT_PASSED, detail=f"{record.verdict}{checks}", cure=see)


@frozen(kw_only=True)
class Override:
    """Somebody who goes on all the same. ``holds`` is what held the batch, in words."""

    actor: str
    reason: str
    holds: Sequence[str]
