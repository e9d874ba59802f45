"""What is frozen when a publish job is reviewed, and whether that may become the current catalog.

Source of the rules: predecessor rules 14 (payload v1). That the reviewed payload is the published one, and that an older one does
not replace a newer one, is this system's own.
"""

import json
from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from attrs import frozen

from bst_domain.catalog._items import JsonObject
from bst_domain.values import format_instant

PAYLOAD_VERSION = "v1"


def payload_text(items: Sequence[JsonObject], *, job: UUID, at: datetime) -> str:
    """The payload of these items, byte for byte as its checksum counts it: two spaces of indent, a final newline."""
    payload = {
        "payloadVersion": PAYLOAD_VERSION,
        "generatedAt": format_instant(at),
        "jobId": str(job),
        "items": list(items),
    }
    return json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def payload_items(text: str) -> list[JsonObject]:
    """The items of a text that ``payload_text`` made."""
    items: list[JsonObject] = json.loads(text)["items"]
    return items


def payload_checksum(text: str) -> str:
    """The lower-case hex SHA-256 of the text in UTF-8."""
    return sha256(text.encode()).hexdigest()


def snapshot_path(job: UUID) -> str:
    """What callers show of a published payload: a name, and no place on any disk."""
    return f"catalog/{PAYLOAD_VERSION}/{job}.json"


@frozen
class EmptyPayload:
    """Nothing was frozen: there was no active product."""


@frozen
class ItemsNotActive:
    """These products were inactive when they were reviewed, or have become so since."""

    keys: tuple[UUID, ...]


@frozen
class Superseded:
    """A payload that was frozen later was current already; ``newest`` is the latest such version."""

    version: int
    newest: int


Unpublishable = EmptyPayload | ItemsNotActive | Superseded


def refuse_payload(
    reviewed: Iterable[tuple[UUID, bool]], *, active_now: Set[UUID], version: int, newest: int
) -> Unpublishable | None:
    """Why a reviewed payload cannot become current, or None when it can.

    ``reviewed``: each product and whether it was active at the review. ``newest``: the latest version that was ever current, 0
    when none was; going back to an earlier version is a rollback, and nothing else is.
    """
    items = list(reviewed)
    if not items:
        return EmptyPayload()
    withdrawn = tuple(key for key, was_active in items if not was_active or key not in active_now)
    if withdrawn:
        return ItemsNotActive(withdrawn)
    return Superseded(version, newest) if version <= newest else None


def reviewer_of(
    *, reviewed: Sequence[JsonObject] | None, frozen_now: Sequence[JsonObject], reviewer: str | None, actor: str
) -> str:
    """Whose review a retry publishes: the reviewer's for as long as nothing has changed since, else the retrier's own."""
    return reviewer if reviewer is not None and reviewed == list(frozen_now) else actor
