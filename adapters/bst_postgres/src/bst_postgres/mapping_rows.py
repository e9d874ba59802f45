"""Channel mappings and entries of the unmapped queue, from columns to values and back."""

from collections.abc import Sequence
from typing import Any

from bst_application.ports.mappings import ChannelMapping, Refold, SourceRow, UnmappedEntry
from bst_domain.lifecycles import MappingStatus, UnmappedStatus
from bst_domain.values import ChannelReference

MAPPING_COLUMNS = """external_ref_key, entity_type, channel_code, external_ref_kind, external_ref, entity_key,
  mapping_status, source_system, source_table, source_pk, created_at, updated_at"""
#: Not the payload: it may be a body with guest data, and nobody needs it to judge.
ENTRY_COLUMNS = """queue_key, queue_type, channel_code, source_system, source_table, source_pk, reason_code, reason_detail,
  status, entity_type, external_ref_kind, external_ref, resolved_by, resolved_at, resolution, created_at, updated_at"""


def mapping_of(row: Sequence[Any]) -> ChannelMapping:
    """A row of MAPPING_COLUMNS."""
    key, entity_type, channel, kind, ref, entity_key, status, system, table, pk, created_at, updated_at = row
    return ChannelMapping(
        key=key,
        entity_type=entity_type,
        reference=ChannelReference(channel, kind, ref),
        entity_key=entity_key,
        status=MappingStatus(status),
        source=SourceRow(system=system, table=table, pk=pk),
        created_at=created_at,
        updated_at=updated_at,
    )


def mapping_row(mapping: ChannelMapping) -> dict[str, Any]:
    """The same as named parameters."""
    return {
        "key": mapping.key,
        "entity_type": mapping.entity_type,
        "channel": mapping.reference.channel,
        "kind": mapping.reference.kind,
        "ref": mapping.reference.ref,
        "entity_key": mapping.entity_key,
        "status": mapping.status.value,
        "system": mapping.source.system,
        "table": mapping.source.table,
        "pk": mapping.source.pk,
        "created_at": mapping.created_at,
        "updated_at": mapping.updated_at,
    }


def entry_of(row: Sequence[Any]) -> UnmappedEntry:
    """A row of ENTRY_COLUMNS."""
    (key, kind, channel, system, table, pk, reason, detail, status, entity_type, ref_kind, ref, *settled) = row
    resolved_by, resolved_at, resolution, created_at, updated_at = settled
    return UnmappedEntry(
        key=key,
        type=kind,
        channel=channel,
        source=SourceRow(system=system, table=table, pk=pk),
        reason_code=reason,
        reason_detail=detail,
        status=UnmappedStatus(status),
        entity_type=entity_type,
        ref_kind=ref_kind,
        ref=ref,
        resolved_by=resolved_by,
        resolved_at=resolved_at,
        resolution=resolution,
        created_at=created_at,
        updated_at=updated_at,
    )


def entry_row(entry: UnmappedEntry) -> dict[str, Any]:
    """The same as named parameters."""
    return {
        "key": entry.key,
        "type": entry.type,
        "channel": entry.channel,
        "system": entry.source.system,
        "table": entry.source.table,
        "pk": entry.source.pk,
        "reason": entry.reason_code,
        "detail": entry.reason_detail,
        "status": entry.status.value,
        "entity_type": entry.entity_type,
        "kind": entry.ref_kind,
        "ref": entry.ref,
        "resolved_by": entry.resolved_by,
        "resolved_at": entry.resolved_at,
        "resolution": entry.resolution,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    }


def refold_of(row: Sequence[Any]) -> Refold:
    """A row of package_refold."""
    channel, kind, ref, asked_at, behind = row
    return Refold(package=ChannelReference(channel, kind, ref), asked_at=asked_at, behind=behind)
