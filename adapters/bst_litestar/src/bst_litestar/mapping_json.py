"""Channel mappings and entries of the unmapped queue as the API shows them."""

from typing import Any

from bst_application.ports.mappings import ChannelMapping, UnmappedEntry
from bst_domain.values import format_instant


def mapping_json(mapping: ChannelMapping) -> dict[str, Any]:
    """A mapping as callers of the predecessor know it."""
    return {
        "mappingId": str(mapping.key),
        "entityType": mapping.entity_type,
        "channelCode": mapping.reference.channel,
        "externalRefKind": mapping.reference.kind,
        "externalRef": mapping.reference.ref,
        "entityKey": str(mapping.entity_key),
        "mappingStatus": mapping.status.value,
    }


def entry_json(entry: UnmappedEntry) -> dict[str, Any]:
    """An entry: the members that callers know, then what it is about and how it ended."""
    return {
        "queueId": str(entry.key),
        "queueType": entry.type,
        "channelCode": entry.channel,
        "sourceSystem": entry.source.system,
        "sourceTable": entry.source.table,
        "sourcePk": entry.source.pk,
        "reasonCode": entry.reason_code,
        "reasonDetail": entry.reason_detail,
        "status": entry.status.value,
        "entityType": entry.entity_type,
        "externalRefKind": entry.ref_kind,
        "externalRef": entry.ref,
        "resolvedBy": entry.resolved_by,
        "resolvedAt": None if entry.resolved_at is None else format_instant(entry.resolved_at),
        "resolution": entry.resolution,
        "createdAt": format_instant(entry.created_at),
        "updatedAt": format_instant(entry.updated_at),
    }
