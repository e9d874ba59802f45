"""Every table of the operational database, as the migrations make it; docs/schema.md says what each is for."""

from bst_postgres.tables.access import principal, principal_token, producer, producer_secret, producer_token
from bst_postgres.tables.bookings import (
    booking_contact,
    booking_core,
    booking_fact,
    booking_item_snapshot,
    booking_party,
    booking_status_history,
    payment_event,
    payment_fact,
)
from bst_postgres.tables.catalog import (
    catalog_product,
    catalog_product_content,
    catalog_variant,
    catalog_variant_rate,
    channel_external_refs,
    channel_registry,
    package_refold,
)
from bst_postgres.tables.ingest import (
    ingest_dead_letter,
    ingest_event_log,
    ingest_nonce,
    ingest_staged_job,
    unmapped_queue,
)
from bst_postgres.tables.metadata import metadata
from bst_postgres.tables.ops import ops_assignment, ops_booking_state, ops_finance_bridge
from bst_postgres.tables.records import audit_log, migration_run_log, replay_job, replay_job_item, runtime_flag
from bst_postgres.tables.reference import (
    ref_dead_letter_status,
    ref_ingest_status,
    ref_mapping_status,
    ref_package_ref_type,
    ref_replay_status,
    ref_unmapped_queue_status,
)

__all__ = [
    "audit_log",
    "booking_contact",
    "booking_core",
    "booking_fact",
    "booking_item_snapshot",
    "booking_party",
    "booking_status_history",
    "catalog_product",
    "catalog_product_content",
    "catalog_variant",
    "catalog_variant_rate",
    "channel_external_refs",
    "channel_registry",
    "ingest_dead_letter",
    "ingest_event_log",
    "ingest_nonce",
    "ingest_staged_job",
    "metadata",
    "migration_run_log",
    "ops_assignment",
    "ops_booking_state",
    "ops_finance_bridge",
    "package_refold",
    "payment_event",
    "payment_fact",
    "principal",
    "principal_token",
    "producer",
    "producer_secret",
    "producer_token",
    "ref_dead_letter_status",
    "ref_ingest_status",
    "ref_mapping_status",
    "ref_package_ref_type",
    "ref_replay_status",
    "ref_unmapped_queue_status",
    "replay_job",
    "replay_job_item",
    "runtime_flag",
    "unmapped_queue",
]
