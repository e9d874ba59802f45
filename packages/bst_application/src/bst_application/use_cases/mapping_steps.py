"""What writing a mapping and resolving an entry have in common: the steps of one commit, each with its audit."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.mappings import (
    ChannelMapping,
    Entity,
    MappingTransaction,
    UnmappedEntry,
    waiting_package,
)
from bst_application.use_cases.repair import Author, entry_of
from bst_domain.booking import PACKAGE_ENTITIES, Reason, looked_up_as, shown_through
from bst_domain.lifecycles import ENTRY_AFTER, SETTLED, UNMAPPED, MappingStatus, UnmappedStatus, UnmappedType
from bst_domain.values import ChannelReference

MAX_RESOLVED_BY = 128


@frozen
class UnknownReference:
    """A channel or an entity is not there. ``member`` is the name on the wire of what names it."""

    member: str


@frozen
class MappedOtherwise:
    """The reference has a mapping already, which stands."""

    mapping: ChannelMapping


async def write_mapping(
    tx: MappingTransaction,
    mapping: ChannelMapping,
    known: ChannelMapping | None,
    *,
    reason: str | None,
    by: Author,
    now: datetime,
) -> tuple[ChannelReference, ...]:
    """Writes and audits; returns the packages whose bookings it has asked to be folded again."""
    await tx.write(mapping)
    metadata: dict[str, Any] = {
        "before": None if known is None else _told(known),
        "after": _told(mapping),
        "reason": reason,
    }
    event = "CHANNEL_MAPPING_CREATED" if known is None else "CHANNEL_MAPPING_UPDATED"
    await tx.audit([entry_of(event, by, now, resource=("CHANNEL_MAPPING", mapping.key), metadata=metadata)])
    touched = {mapping.reference} if known is None else {known.reference, mapping.reference}
    packages = [
        package
        for package in sorted({package for reference in touched for package in shown_through(reference)})
        if package in touched or await tx.is_named(package)
    ]
    for package in packages:
        await tx.ask_to_refold(package, now=now)
    return tuple(packages)


async def follow(
    tx: MappingTransaction,
    mapping: ChannelMapping,
    *,
    reason: str,
    by: Author,
    now: datetime,
    new_id: Callable[[], UUID],
) -> None:
    """Brings the queue to what the mapping says: a mapped reference waits for nobody, one in doubt waits once.

    Bookings whose package is mapped to nothing that they could show go on waiting, and so does their entry.
    """
    wanted = ENTRY_AFTER[mapping.status]
    references = shown_through(mapping.reference) if wanted in SETTLED else ()
    waiting = [
        entry
        for reference in references or (mapping.reference,)
        for entry in await tx.waiting_for(reference)
        if entry.entity_type is None or entry.entity_type == mapping.entity_type
    ]
    if wanted in SETTLED:
        leads = await _leads_to_a_package(tx, mapping)
        for entry in waiting:
            if leads or not _asks_for_a_package(entry):
                await move_entry(tx, entry, wanted, reason="the reference is mapped", by=by, now=now)
        return
    if not waiting:
        waiting = [await _queue(tx, mapping, reason, now, new_id())]
    for entry in waiting[:1]:
        if entry.status is not wanted:
            await move_entry(tx, entry, wanted, reason=reason, by=by, now=now)


async def ask_again(
    tx: MappingTransaction, packages: Sequence[ChannelReference], *, now: datetime, new_id: Callable[[], UUID]
) -> None:
    """Packages that bookings name and that lead nowhere, now that a mapping of them was written, wait for a person."""
    for package in packages:
        if await tx.waiting_for(package) or await _leads(tx, package) or not await tx.is_named(package):
            continue
        asked = waiting_package(package, now)
        was_settled = await tx.entry(asked.key) is not None
        await tx.put(evolve(asked, key=new_id()) if was_settled else asked)


async def _leads(tx: MappingTransaction, package: ChannelReference) -> bool:
    for name in looked_up_as(package):
        for kind in PACKAGE_ENTITIES:
            mapping = await tx.mapping_of(kind, name)
            if (
                mapping is not None
                and mapping.status is MappingStatus.MAPPED
                and await _leads_to_a_package(tx, mapping)
            ):
                return True
    return False


def _asks_for_a_package(entry: UnmappedEntry) -> bool:
    return entry.entity_type is None and entry.reason_code == Reason.UNMAPPED_PACKAGE


async def _leads_to_a_package(tx: MappingTransaction, mapping: ChannelMapping) -> bool:
    return mapping.entity_type in PACKAGE_ENTITIES and await tx.has_entity(
        Entity(mapping.entity_type), mapping.entity_key
    )


async def _queue(
    tx: MappingTransaction, mapping: ChannelMapping, reason: str, now: datetime, key: UUID
) -> UnmappedEntry:
    entry = UnmappedEntry(
        key=key,
        type=UnmappedType.CHANNEL_MAPPING,
        channel=mapping.reference.channel,
        source=mapping.source,
        reason_code=reason,
        reason_detail=None,
        status=UnmappedStatus.OPEN,
        entity_type=mapping.entity_type,
        ref_kind=mapping.reference.kind,
        ref=mapping.reference.ref,
        created_at=now,
        updated_at=now,
    )
    await tx.put(entry)
    return entry


async def move_entry(
    tx: MappingTransaction,
    entry: UnmappedEntry,
    wanted: UnmappedStatus,
    *,
    reason: str | None,
    by: Author,
    now: datetime,
) -> UnmappedEntry:
    """Moves an entry for which the table allows it, and audits that. What is settled has who, when and why; nothing else has."""
    assert UNMAPPED.refuse(entry.status, wanted) is None
    settled = wanted in SETTLED
    moved = evolve(
        entry,
        status=wanted,
        resolved_by=by.actor[:MAX_RESOLVED_BY] if settled else None,
        resolved_at=now if settled else None,
        resolution=reason if settled else None,
        updated_at=now,
    )
    await tx.put(moved)
    metadata = {
        "queueType": entry.type,
        "status": wanted.value,
        "previousStatus": entry.status.value,
        "reason": reason,
    }
    resource = ("UNMAPPED_ENTRY", entry.key)
    await tx.audit([entry_of("UNMAPPED_STATUS_UPDATED", by, now, resource=resource, metadata=metadata)])
    return moved


def _told(mapping: ChannelMapping) -> dict[str, Any]:
    return {
        "entityType": mapping.entity_type,
        "channelCode": mapping.reference.channel,
        "externalRefKind": mapping.reference.kind,
        "externalRef": mapping.reference.ref,
        "entityKey": str(mapping.entity_key),
        "mappingStatus": mapping.status.value,
    }
