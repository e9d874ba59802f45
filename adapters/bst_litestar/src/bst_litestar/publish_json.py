"""Publish jobs, versions and events as JSON."""

from typing import Any

from bst_application.ports.publishing import Publication, PublishEvent, PublishJob, SnapshotHead
from bst_domain.catalog import PAYLOAD_VERSION, snapshot_path
from bst_domain.lifecycles import PublishStatus
from bst_domain.values import format_instant


def job_json(job: PublishJob) -> dict[str, Any]:
    """As callers know it; ``reviewed`` is what was frozen for it last."""
    published = job.reviewed if job.status is PublishStatus.PUBLISHED else None
    return {
        "jobId": str(job.key),
        "payloadVersion": PAYLOAD_VERSION,
        "status": job.status.value,
        "itemIds": [str(key) for key in job.item_keys],
        "itemCount": job.item_count,
        "note": job.note,
        "createdAt": format_instant(job.created_at),
        "updatedAt": format_instant(job.updated_at),
        "createdBy": job.created_by,
        "reviewedBy": job.reviewed_by,
        "publishedBy": job.published_by,
        "publishedAt": None if job.published_at is None else format_instant(job.published_at),
        "snapshotPath": None if published is None else snapshot_path(job.key),
        "checksum": None if published is None else published.checksum,
        "failureReason": job.failure_reason,
        "reviewed": None if job.reviewed is None else _reviewed(job.reviewed),
    }


def _reviewed(head: SnapshotHead) -> dict[str, Any]:
    return {
        "version": head.version,
        "checksum": head.checksum,
        "itemCount": head.item_count,
        "frozenAt": format_instant(head.frozen_at),
    }


def version_json(head: SnapshotHead, publication: Publication) -> dict[str, Any]:
    """A version that was current at some time."""
    return {
        "version": head.version,
        "current": head.version == publication.version,
        "jobId": str(head.job),
        "payloadVersion": PAYLOAD_VERSION,
        "checksum": head.checksum,
        "itemCount": head.item_count,
        "snapshotPath": snapshot_path(head.job),
        "frozenAt": format_instant(head.frozen_at),
        "reviewedBy": head.frozen_by,
        "publishedAt": None if head.published_at is None else format_instant(head.published_at),
        "publishedBy": head.published_by,
    }


def event_json(event: PublishEvent) -> dict[str, Any]:
    """The current catalog is another one."""
    return {
        "sequence": event.sequence,
        "kind": event.kind.value,
        "version": event.version,
        "previousVersion": event.previous_version,
        "jobId": str(event.job),
        "checksum": event.checksum,
        "itemCount": event.item_count,
        "actor": event.actor,
        "reason": event.reason,
        "createdAt": format_instant(event.at),
    }
