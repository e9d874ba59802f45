"""What back-fill notes around a run of batch D or E, so that a comparison need not derive every booking anew.

Batch E reads the same rows as D: where a row is still what D read, it was so for E in between.
"""

from bst_application.ports.comparing import MarkStore, Part
from bst_application.ports.legacy import LegacySnapshot
from bst_domain.migration import LegacySystem

_WRITES = {"D": Part.BODY, "E": Part.MONEY}


async def note_before(marks: MarkStore, snapshot: LegacySnapshot, batch: str, *, resumed: bool) -> None:
    """Before the first chunk, from the run's own snapshot."""
    if batch == "D":
        for system in LegacySystem:
            await marks.note_sources(system, snapshot.digest_lines(system), resumed=resumed)


async def note_after(marks: MarkStore, batch: str) -> None:
    """After the last chunk, before the run counts as done."""
    if batch in _WRITES:
        await marks.note_bookings(_WRITES[batch])
