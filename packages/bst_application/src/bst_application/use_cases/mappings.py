"""Writing channel mappings by hand: a reference, what it stands for, and the queue that follows.

Source of the rules: the predecessor's endpoints 21 to 23, and the deviations: the status is stored, one of three words; a
reference that is mapped to another entity is not re-pointed unless that was asked for. Mapping, queue, audit and the request
to fold the bookings again are one commit, and whoever writes is alone with the reference.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.mappings import ChannelMapping, MappingDesk, MappingTransaction, SourceRow
from bst_application.use_cases.again import again_after_conflict
from bst_application.use_cases.mapping_steps import (
    MappedOtherwise,
    UnknownReference,
    ask_again,
    follow,
    write_mapping,
)
from bst_application.use_cases.repair import Author
from bst_domain.lifecycles import MappingStatus
from bst_domain.values import ChannelReference


@frozen
class MappingNotFound:
    """No mapping has this key."""


@frozen
class Written:
    """The mapping as it is now, and the packages whose bookings are to be folded again."""

    mapping: ChannelMapping
    refold: tuple[ChannelReference, ...] = ()


@frozen(kw_only=True)
class NewMapping:
    """What a caller wants a reference to stand for. ``reason`` is the code of the entry that a mapping in doubt leaves behind."""

    entity_type: str
    reference: ChannelReference
    entity_key: UUID
    status: MappingStatus
    source: SourceRow
    reason: str


@frozen(kw_only=True)
class MappingPatch:
    """None: stays as it is."""

    entity_type: str | None = None
    channel: str | None = None
    ref_kind: str | None = None
    ref: str | None = None
    entity_key: UUID | None = None
    status: MappingStatus | None = None
    source_system: str | None = None
    source_table: str | None = None
    source_pk: str | None = None
    reason: str | None = None


@frozen(kw_only=True)
class CreateMapping:
    """Maps a reference. The same again is the same mapping; ``replace`` lets it stand for another entity from now on."""

    desk: MappingDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, wanted: NewMapping, *, replace: bool, by: Author
    ) -> Written | UnknownReference | MappedOtherwise:
        """Raises Unavailable and Conflict."""

        async def once() -> Written | UnknownReference | MappedOtherwise:
            now = self.now()
            async with self.desk.mapping_change() as tx:
                await tx.alone_with([wanted.reference])
                if not await tx.has_channel(wanted.reference.channel):
                    return UnknownReference("channelCode")
                known = await tx.mapping_of(wanted.entity_type, wanted.reference)
                if known is not None and known.entity_key != wanted.entity_key and not replace:
                    return MappedOtherwise(known)
                mapping = ChannelMapping(
                    key=self.new_id() if known is None else known.key,
                    entity_type=wanted.entity_type,
                    reference=wanted.reference,
                    entity_key=wanted.entity_key,
                    status=wanted.status,
                    source=wanted.source,
                    created_at=now if known is None else known.created_at,
                    updated_at=now,
                )
                packages = await write_mapping(tx, mapping, known, reason=wanted.reason, by=by, now=now)
                await follow(tx, mapping, reason=wanted.reason, by=by, now=now, new_id=self.new_id)
                await ask_again(tx, packages, now=now, new_id=self.new_id)
            return Written(mapping, packages)

        return await again_after_conflict(once)


@frozen(kw_only=True)
class ChangeMapping:
    """Changes members of a mapping; the last writer wins, but never takes a reference from another mapping."""

    desk: MappingDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, key: UUID, patch: MappingPatch, *, by: Author
    ) -> Written | MappingNotFound | UnknownReference | MappedOtherwise:
        """An empty patch writes nothing. Raises Unavailable and Conflict."""

        async def once() -> Written | MappingNotFound | UnknownReference | MappedOtherwise:
            if patch == MappingPatch():
                seen = await self.desk.mapping_with(key)
                return MappingNotFound() if seen is None else Written(seen)
            async with self.desk.mapping_change() as tx:
                return await self._change(tx, key, patch, by)

        return await again_after_conflict(once)

    async def _change(
        self, tx: MappingTransaction, key: UUID, patch: MappingPatch, by: Author
    ) -> Written | MappingNotFound | UnknownReference | MappedOtherwise:
        now = self.now()
        seen = await tx.moving(key)
        if seen is None:
            return MappingNotFound()
        await tx.alone_with(sorted({seen.reference, patched(seen, patch, now).reference}))
        known = await tx.mapping(key)
        assert known is not None, "mappings are never deleted"
        mapping = patched(known, patch, now)
        if patch.channel is not None and not await tx.has_channel(mapping.reference.channel):
            return UnknownReference("channelCode")
        other = await tx.mapping_of(mapping.entity_type, mapping.reference)
        if other is not None and other.key != mapping.key:
            return MappedOtherwise(other)
        packages = await write_mapping(tx, mapping, known, reason=patch.reason, by=by, now=now)
        await follow(tx, mapping, reason=patch.reason or "MANUAL_REVIEW", by=by, now=now, new_id=self.new_id)
        await ask_again(tx, packages, now=now, new_id=self.new_id)
        return Written(mapping, packages)


def patched(mapping: ChannelMapping, patch: MappingPatch, now: datetime) -> ChannelMapping:
    """The mapping with the members that the patch has."""
    reference, source = mapping.reference, mapping.source
    return evolve(
        mapping,
        entity_type=patch.entity_type or mapping.entity_type,
        reference=ChannelReference(
            patch.channel or reference.channel, patch.ref_kind or reference.kind, patch.ref or reference.ref
        ),
        entity_key=patch.entity_key or mapping.entity_key,
        status=patch.status or mapping.status,
        source=SourceRow(
            system=patch.source_system or source.system,
            table=patch.source_table or source.table,
            pk=patch.source_pk or source.pk,
        ),
        updated_at=now,
    )
