"""Working the unmapped queue: judging entries by the table, and resolving them so that what waited really is mapped.

Source of the rules: semantics 7 (transitions), deviations (409 outside the table); resolving and doing so in bulk are additions.
A resolution writes the mapping, settles the entry and asks for the bookings that waited to be folded again, all in one commit.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.mappings import (
    ChannelMapping,
    MappingDesk,
    MappingTransaction,
    UnmappedEntry,
)
from bst_application.use_cases.again import again_after_conflict
from bst_application.use_cases.mapping_steps import (
    MappedOtherwise,
    UnknownReference,
    follow,
    move_entry,
    write_mapping,
)
from bst_application.use_cases.repair import Author
from bst_application.use_cases.unmapped_targets import NotMappable, Target, entity_type_of, reference_of
from bst_domain.booking import (
    PACKAGE_ENTITIES,
    PACKAGE_KINDS,
)
from bst_domain.lifecycles import (
    MAPPING_AFTER,
    UNMAPPED,
    MappingStatus,
    NotAllowed,
    UnmappedStatus,
)
from bst_domain.values import ChannelReference


@frozen
class EntryNotFound:
    """No entry has this key."""


@frozen(kw_only=True)
class Resolved:
    """The entry and the mapping as they are now, and the packages whose bookings are to be folded again."""

    entry: UnmappedEntry
    mapping: ChannelMapping
    refold: tuple[ChannelReference, ...]


@frozen(kw_only=True)
class StatusChanged:
    """The entry as it is now, and the packages whose bookings are to be folded again, because its mapping went with it."""

    entry: UnmappedEntry
    refold: tuple[ChannelReference, ...] = ()


Unresolved = EntryNotFound | NotAllowed[UnmappedStatus] | NotMappable | UnknownReference | MappedOtherwise


@frozen(kw_only=True)
class ChangeUnmappedStatus:
    """A person's decision about an entry, by the table. The mapping that waited for it follows."""

    desk: MappingDesk
    now: Callable[[], datetime]

    async def __call__(
        self, key: UUID, wanted: UnmappedStatus, *, reason: str | None, by: Author
    ) -> StatusChanged | EntryNotFound | NotAllowed[UnmappedStatus]:
        """Raises Unavailable and Conflict."""

        async def once() -> StatusChanged | EntryNotFound | NotAllowed[UnmappedStatus]:
            seen = await self.desk.entry_with(key)
            if seen is None:
                return EntryNotFound()
            now = self.now()
            async with self.desk.mapping_change() as tx:
                if seen.reference is not None:
                    await tx.alone_with([seen.reference])
                entry = await tx.entry(key)
                if entry is None:
                    return EntryNotFound()
                refused = UNMAPPED.refuse(entry.status, wanted)
                if refused is not None:
                    return refused
                moved = await move_entry(tx, entry, wanted, reason=reason, by=by, now=now)
                packages = await self._take_along(tx, moved, reason, by, now)
            return StatusChanged(entry=moved, refold=packages)

        return await again_after_conflict(once)

    async def _take_along(
        self, tx: MappingTransaction, entry: UnmappedEntry, reason: str | None, by: Author, now: datetime
    ) -> tuple[ChannelReference, ...]:
        status, reference = MAPPING_AFTER[entry.status], entry.reference
        if status is None or reference is None:
            return ()
        mapping = await _waited_for(tx, entry, reference)
        if mapping is None or mapping.status is status:
            return ()
        after = evolve(mapping, status=status, updated_at=now)
        return await write_mapping(tx, after, mapping, reason=reason, by=by, now=now)


async def _waited_for(
    tx: MappingTransaction, entry: UnmappedEntry, reference: ChannelReference
) -> ChannelMapping | None:
    """The mapping that an entry waits for. One that bookings made names no entity: it waits for what is in doubt."""
    if entry.entity_type is not None:
        return await tx.mapping_of(entry.entity_type, reference)
    if reference.kind not in PACKAGE_KINDS:
        return None
    found = [await tx.mapping_of(kind, reference) for kind in PACKAGE_ENTITIES]
    return next((one for one in found if one is not None and one.status is not MappingStatus.MAPPED), None)


@frozen(kw_only=True)
class ResolveUnmapped:
    """Maps what an entry waits for."""

    desk: MappingDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, key: UUID, target: Target, *, reason: str, by: Author, dry_run: bool = False
    ) -> Resolved | Unresolved:
        """``dry_run``: what it would come to; nothing is written. Raises Unavailable and Conflict."""

        async def once() -> Resolved | Unresolved:
            seen = await self.desk.entry_with(key)
            if seen is None:
                return EntryNotFound()
            reference = reference_of(seen, target)
            if not isinstance(reference, ChannelReference):
                return reference
            async with self.desk.mapping_change() as tx:
                await tx.alone_with([reference])
                decided = await self._decide(tx, key, reference, target)
                if not isinstance(decided, _Decided):
                    return decided
                if dry_run:
                    return Resolved(entry=decided.entry, mapping=decided.mapping, refold=())
                return await self._write(tx, decided, reason=reason, by=by)

        return await again_after_conflict(once)

    async def _decide(
        self, tx: MappingTransaction, key: UUID, reference: ChannelReference, target: Target
    ) -> "_Decided | Unresolved":
        entry = await tx.entry(key)
        if entry is None:
            return EntryNotFound()
        refused = UNMAPPED.refuse(entry.status, UnmappedStatus.RESOLVED)
        if refused is not None:
            return refused
        if not await tx.has_channel(reference.channel):
            return UnknownReference("channelCode")
        entity_type = await entity_type_of(tx, entry, reference, target)
        if isinstance(entity_type, UnknownReference):
            return entity_type
        known = await tx.mapping_of(entity_type, reference)
        if known is not None and _stands_against(known, target):
            return MappedOtherwise(known)
        now = self.now()
        mapping = ChannelMapping(
            key=self.new_id() if known is None else known.key,
            entity_type=entity_type,
            reference=reference,
            entity_key=target.entity_key,
            status=MappingStatus.MAPPED,
            source=entry.source if known is None else known.source,
            created_at=now if known is None else known.created_at,
            updated_at=now,
        )
        return _Decided(entry=entry, known=known, mapping=mapping)

    async def _write(self, tx: MappingTransaction, decided: "_Decided", *, reason: str, by: Author) -> Resolved:
        mapping, now = decided.mapping, decided.mapping.updated_at
        packages = await write_mapping(tx, mapping, decided.known, reason=reason, by=by, now=now)
        moved = await move_entry(tx, decided.entry, UnmappedStatus.RESOLVED, reason=reason, by=by, now=now)
        await follow(tx, mapping, reason=reason, by=by, now=now, new_id=self.new_id)
        return Resolved(entry=moved, mapping=mapping, refold=packages)


@frozen(kw_only=True)
class _Decided:
    """A resolution that nothing stands against; ``known`` is the mapping that there was."""

    entry: UnmappedEntry
    known: ChannelMapping | None
    mapping: ChannelMapping


def _stands_against(known: ChannelMapping, target: Target) -> bool:
    """A mapping in doubt is what the entry asks about; one that holds gives way only where that is wanted."""
    differs = known.entity_key != target.entity_key
    return known.status is MappingStatus.MAPPED and differs and not target.replace


@frozen(kw_only=True)
class ResolveMany:
    """Resolves one entry after the other, each in a commit of its own: what fails hurts no other, and asking again goes on."""

    resolve: ResolveUnmapped

    async def __call__(
        self, wanted: Sequence[tuple[UUID, Target]], *, reason: str, by: Author, dry_run: bool
    ) -> list[tuple[UUID, Resolved | Unresolved]]:
        """In the order asked for. Raises Unavailable and Conflict; what was done before stays done."""
        return [(key, await self.resolve(key, target, reason=reason, by=by, dry_run=dry_run)) for key, target in wanted]
