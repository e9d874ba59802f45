"""Whether what is stored agrees with itself, and what this process is set to forget."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import frozen
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.reconciliation import ReconciliationReader
from bst_application.use_cases.retention import RetentionPolicy
from bst_domain.gates import DomainShare, Reconciliation, ReconciliationLimits, reconcile
from bst_domain.ingest import Kept
from bst_domain.values import format_instant
from bst_litestar.auth import READERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.requests import header_map, id_of
from bst_litestar.schema_ready import Part, schema_ready

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@frozen(kw_only=True)
class ReconciliationParts:
    """Who counts, what the counts may come to, and the retention of this process."""

    reader: ReconciliationReader
    limits: ReconciliationLimits
    retention: RetentionPolicy


def reconciliation_routes(
    parts: ReconciliationParts, tokens: Tokens, *, now: Callable[[], datetime]
) -> list[HTTPRouteHandler]:
    """For every role."""
    one_at_a_time = asyncio.Lock()  # counting reads whole tables; callers must not take all connections for it

    @get("/v1/metrics/reconciliation")
    async def reconciliation(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        with schema_ready(Part.RECONCILIATION):
            async with one_at_a_time:
                counts = await parts.reader.reconciliation_counts()
        return success(reconciliation_json(reconcile(counts, parts.limits), at=now()), id_of(request))

    @get("/v1/metrics/retention")
    async def retention(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        periods = parts.retention.periods
        data = {
            "enabled": parts.retention.enabled,
            "intervalMs": parts.retention.interval // timedelta(milliseconds=1),
            "nonceTtlMinutes": periods[Kept.NONCE] // MINUTE,
            "idempotencyTtlDays": periods[Kept.EVENT] // DAY,
            "dlqRetentionDays": periods[Kept.DEAD_LETTER] // DAY,
            "unmappedRetentionDays": periods[Kept.UNMAPPED] // DAY,
        }
        return success(data, id_of(request))

    return [reconciliation, retention]


def reconciliation_json(found: Reconciliation, *, at: datetime) -> dict[str, Any]:
    """The members and their order are those that the predecessor's readers know."""
    counts = found.counts
    return {
        "generatedAt": format_instant(at),
        "result": "PASS" if found.passed else "FAIL",
        "thresholds": {
            "maxGlobalMismatchRatio": _number(found.limits.global_mismatch_ratio),
            "maxOpsDoneNotPaidRatio": _number(found.limits.done_not_paid_ratio),
            "maxUnmappedRatioPercent": _number(found.limits.unmapped_percent),
        },
        "metrics": {
            "bookingCoreTotalRows": counts.bookings,
            "bookingCoreNullIdentity": counts.null_identities,
            "bookingCoreDuplicateIdentityGroups": counts.twin_booking_groups,
            "bookingCoreDuplicateIdentityExcessRows": counts.twin_booking_excess,
            "paymentEventTotalRows": counts.payments,
            "paymentOrphanRows": counts.orphan_payments,
            "opsDoneTotal": counts.done,
            "opsDoneNotPaid": counts.done_not_paid,
            "opsDoneNotPaidRatio": _number(found.done_not_paid_ratio),
            "ingestEventTotalRows": counts.events,
            "ingestSecondaryDedupDuplicateGroups": counts.twin_event_groups,
            "ingestSecondaryDedupDuplicateExcessRows": counts.twin_event_excess,
            "unmappedRows": counts.unmapped,
            "totalCatalogEntities": counts.catalog_entities,
            "unmappedRatioPercent": _maybe(found.unmapped_percent),
            "globalMismatchRatio": _number(found.global_mismatch_ratio),
        },
        "domains": {name: _share(share) for name, share in found.domains.items()},
        "checks": [{"name": one.name, "passed": one.passed, "detail": one.detail} for one in found.checks],
    }


def _share(share: DomainShare) -> dict[str, Any]:
    return {
        "mismatchRows": share.mismatches,
        "denominator": share.denominator,
        "ratio": _maybe(share.ratio),
        "thresholdRatio": _number(share.threshold),
        "passed": share.passed,
    }


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _maybe(value: Decimal | None) -> int | float | None:
    return None if value is None else _number(value)
