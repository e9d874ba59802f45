"""Time passing changes statuses: bookings whose tour day begins in Bali are folded again, without a new fact.

Source of the rule: semantics 5, rule 4. While a run of back-fill says which day it is, the day here waits.
"""

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from bst_application.ports.bookings import BookingStore
from bst_application.use_cases.changing import change
from bst_domain.values import bali_day

BATCH = 200


@frozen(kw_only=True)
class RecomputeTurning:
    """Brings the statuses of bookings up to the day that it is."""

    store: BookingStore
    now: Callable[[], datetime]

    async def __call__(self) -> int:
        """Returns how many bookings changed. Raises Unavailable and Conflict."""
        now = self.now()
        turned = 0
        while identities := await self.store.turning(today=bali_day(now).isoformat(), limit=BATCH):
            async with self.store.processing() as tx:
                if not await tx.may_turn():  # a later round does it
                    break
                stored = await tx.load(identities)
                changes = [
                    change(key=booking.key, identity=booking.identity, stored=booking, facts=booking.facts, now=now)
                    for booking in stored.values()
                ]
                moved = [entry for entry in changes if not entry.is_unchanged]
                await tx.save(moved, now=now)
            turned += len(moved)
            if not moved:  # what the query finds, the rules leave as it is: asking again would never end
                break
        return turned
