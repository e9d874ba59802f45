"""A mapping changes what bookings show: those that name its package are folded again, without a new fact.

The mapping's commit asks for it. Whoever made the change does the first of them at once; a worker does what is left, and what was
left behind by a crash. A booking that is folded twice is the same the second time.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.bookings import BookingStore
from bst_application.ports.mappings import MappingDesk, Refold
from bst_application.use_cases.changing import change
from bst_application.use_cases.packages import packages_of, with_package
from bst_domain.values import BookingIdentity, ChannelReference

_log = logging.getLogger(__name__)

BATCH = 200
#: Packages looked at in one round; there are seldom more than one.
AT_ONCE = 20


@frozen
class Refolded:
    """How many bookings were looked at, and whether that is all of them."""

    bookings: int
    done: bool


@frozen(kw_only=True)
class RefoldPackages:
    """Brings the bookings up to what the mappings of their packages say."""

    desk: MappingDesk
    store: BookingStore
    now: Callable[[], datetime]

    async def __call__(self) -> int:
        """A batch of each package that waits; returns how many bookings changed or stayed. Raises Unavailable and Conflict.

        A package that cannot be folded again for a reason of its own is told in the log, and holds up no other.
        """
        seen = 0
        for refold in await self.desk.refolds(limit=AT_ONCE):
            try:
                seen += (await self._batch(refold)).bookings
            except (Unavailable, Conflict):
                raise
            except Exception:
                _log.exception("the bookings of a package cannot be folded again: %s", refold.package)
        return seen

    async def at_once(self, package: ChannelReference, *, batches: int) -> Refolded:
        """As many batches of one package at most; an outage leaves the rest to the worker. Raises nothing."""
        seen = 0
        try:
            for _ in range(batches):
                refold = await self.desk.refold_of(package)
                if refold is None:
                    return Refolded(seen, done=True)
                batch = await self._batch(refold)
                seen += batch.bookings
                if batch.done:
                    return Refolded(seen, done=True)
        except (Unavailable, Conflict) as trouble:
            _log.warning("bookings of a package wait to be folded again: %s", trouble)
        return Refolded(seen, done=False)

    async def _batch(self, refold: Refold) -> Refolded:
        found = await self.desk.named_by(refold.package, behind=refold.behind, limit=BATCH)
        if found:
            await self._fold([identity for _, identity in found])
        last = found[-1][0] if len(found) == BATCH else None
        await self.desk.advance(refold, behind=last)
        return Refolded(len(found), done=last is None)

    async def _fold(self, identities: list[BookingIdentity]) -> None:
        now = self.now()
        async with self.store.processing() as tx:
            stored = {booking.identity: booking for booking in (await tx.load(identities)).values()}
            packages = await packages_of(tx, {identity: booking.facts for identity, booking in stored.items()})
            changes = [
                change(
                    key=booking.key,
                    identity=identity,
                    stored=booking,
                    facts=booking.facts,
                    ops=with_package(booking.ops, packages.get(identity)),
                    now=now,
                )
                for identity, booking in stored.items()
            ]
            await tx.save([entry for entry in changes if not entry.is_unchanged], now=now)
