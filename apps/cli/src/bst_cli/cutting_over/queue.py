"""An entry of the review queue, for people and machines."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bst_application.ports.cutover import QueuedConflict
from bst_domain.booking import FactValue, value_to_json
from bst_domain.migration import blocks_next_batch
from bst_domain.values import format_instant


def queue_json(queued: QueuedConflict, now: datetime) -> dict[str, Any]:
    """The values are by the playbook's names."""
    record = queued.record
    return {
        "conflictId": str(record.key),
        "booking": f"{queued.identity.channel}:{queued.identity.ref}",
        "module": record.module.value,
        "fields": list(record.fields),
        "core": _values(record.core),
        "legacy": _values(record.legacy),
        "shown": _values(record.shown),
        "severity": record.severity.value,
        "openedAt": format_instant(record.opened_at),
        "dueAt": format_instant(record.due_at),
        "overdue": record.due_at < now,
        "over24h": blocks_next_batch(record.opened_at, now),
    }


def _values(values: Mapping[str, FactValue]) -> dict[str, Any]:
    return {name: value_to_json(value) for name, value in values.items()}
