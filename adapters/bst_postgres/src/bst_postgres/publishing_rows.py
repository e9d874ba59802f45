"""Rows of publishing as values."""

from collections.abc import Sequence
from typing import Any

from bst_application.ports.publishing import PublishEvent, PublishEventKind, PublishJob, SnapshotHead
from bst_domain.lifecycles import PublishStatus

HEAD_COLUMNS = """snapshot.version, snapshot.job_key, snapshot.checksum, snapshot.item_count, snapshot.frozen_at,
  snapshot.frozen_by, snapshot.published_at, snapshot.published_by"""
JOB_COLUMNS = f"""{HEAD_COLUMNS}, job.job_key, job.status, job.item_keys, job.item_count, job.note, job.created_by,
  job.reviewed_by, job.published_by, job.published_at, job.failure_reason, job.created_at, job.updated_at"""
EVENT_COLUMNS = (
    """sequence, kind, version, previous_version, job_key, checksum, item_count, actor, reason, created_at"""
)


def head_of(row: Sequence[Any]) -> SnapshotHead:
    """A row that begins with HEAD_COLUMNS."""
    return SnapshotHead(
        version=row[0],
        job=row[1],
        checksum=row[2],
        item_count=row[3],
        frozen_at=row[4],
        frozen_by=row[5],
        published_at=row[6],
        published_by=row[7],
    )


def job_of(row: Sequence[Any]) -> PublishJob:
    """A row of JOB_COLUMNS. A job that was never reviewed has no snapshot beside it."""
    own = row[8:]
    return PublishJob(
        key=own[0],
        status=PublishStatus(own[1]),
        item_keys=tuple(own[2]),
        item_count=own[3],
        note=own[4],
        created_by=own[5],
        reviewed_by=own[6],
        published_by=own[7],
        published_at=own[8],
        failure_reason=own[9],
        created_at=own[10],
        updated_at=own[11],
        reviewed=None if row[0] is None else head_of(row),
    )


def event_of(row: Sequence[Any]) -> PublishEvent:
    """A row of EVENT_COLUMNS."""
    return PublishEvent(
        sequence=row[0],
        kind=PublishEventKind(row[1]),
        version=row[2],
        previous_version=row[3],
        job=row[4],
        checksum=row[5],
        item_count=row[6],
        actor=row[7],
        reason=row[8],
        at=row[9],
    )
