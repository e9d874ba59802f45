"""The migrated database is the target schema with the named differences, and nothing else.

target_schema.json is the target as given with the project; the differences are spelled out here, each with its section of the
semantics, so that any other one fails.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import NullPool, create_engine

from bst_postgres.database import sqlalchemy_url
from bst_postgres.tables import metadata
from tests.postgres.catalog import Schema, read_schema
from tests.servers import PostgresAddress

TARGET: dict[str, Any] = json.loads((Path(__file__).parent / "target_schema.json").read_text())

# Semantics 6: what nobody has said yet is null, without a default that would look like a statement.
UNSAID = {
    "booking_core": ("tour_date", "currency_code", "total_price", "number_of_adult", "number_of_child"),
    "booking_party": ("adult_qty", "child_qty", "infant_qty"),
    "payment_event": ("currency_code",),
}


def column(type_: str, *, nullable: bool = False, default: str | None = None) -> dict[str, Any]:
    return {"type": type_, "nullable": nullable, "default": default}


def index(*columns: str) -> dict[str, Any]:
    return {"unique": False, "columns": list(columns), "where": None}


def unique(*columns: str) -> dict[str, Any]:
    return {**index(*columns), "unique": True}


NOW = "now()"
MADE = {"made_by": column("varchar(191)"), "created_at": column("timestamptz", default=NOW)}
BOOKING = {"booking_key": {"table": "booking_core", "column": "booking_key", "on_delete": None}}

STATUSES = ("customer_payment_status", "ops_fulfillment_status")
ADDED_COLUMNS = {
    "booking_core": {
        "fold": column("json", default="'{}'::json"),  # sections 2 and 3
        "version": column("integer", default="1"),  # section 5: what an acknowledgement names
        "status_reasons": column("text[]", default="'{}'::text[]"),  # section 5
        "package_external_ref": column("varchar(128)", nullable=True),  # what a mapping is looked up by
    },
    "channel_external_refs": {"mapping_status": column("varchar(32)", default="'MAPPED'")},  # deviations: stored
    "unmapped_queue": {  # section 7: what waits, and why it was settled so
        "resolution": column("text", nullable=True),
        "entity_type": column("varchar(32)", nullable=True),
        "external_ref_kind": column("varchar(64)", nullable=True),
        "external_ref": column("varchar(128)", nullable=True),
    },
    "migration_run_log": {"override": column("jsonb", nullable=True)},  # section 9: who went on although a gate held it
    "booking_contact": {
        "phone_e164": column("varchar(16)", nullable=True),  # section 3
        "booked_at": column("timestamptz", default=NOW),  # the order of what a search finds
        "search_words": column("tsvector", default="''::tsvector"),  # what a search finds it by
    },
    "ingest_event_log": {
        "fingerprint": column("varchar(64)"),  # section 6
        "trace_context": column("varchar(55)", nullable=True),  # a trace goes through the log
    },
    "ingest_dead_letter": {  # section 7: a replay has a lease, an actor and a reason
        "lease_until": column("timestamptz", nullable=True),
        "replay_actor": column("varchar(191)", nullable=True),
        "replay_request_id": column("varchar(128)", nullable=True),
        "replay_proof": column("jsonb", default="'{}'::jsonb"),
        "executions_before": column("integer", default="0"),
        "replay_reason": column("text", nullable=True),
    },
    # What is switched off together with a product or a variant comes back with it; a version for whoever edits.
    "catalog_product": {"version": column("integer", default="1")},
    "catalog_variant": {
        "ended_with": column("varchar(16)", nullable=True),
        "was_default": column("boolean", default="false"),
    },
    "catalog_variant_rate": {"ended_with": column("varchar(16)", nullable=True)},
}
ENDED_WITH = {"column": "ended_with", "values": ["ITEM", "VARIANT"]}
ADDED_CHECKS = {
    "catalog_variant": {"ck_catalog_variant_ended_with": ENDED_WITH},
    "catalog_variant_rate": {"ck_catalog_variant_rate_ended_with": ENDED_WITH},
}
ADDED_INDEXES = {
    "booking_contact": {"ix_booking_contact_search_words": index("search_words")},
    "booking_core": {
        "ix_booking_core_newest": index("booking_created_at desc", "booking_key desc"),
        "ix_booking_core_booked_late": {
            **index("booking_created_at desc", "booking_key desc"),
            "where": "tour_date < (((booking_created_at at time zone 'utc'::text))::date - 1",  # as catalog.py reads it
        },
        "ix_booking_core_package_external_ref": {
            **index("channel_code", "package_external_ref", "booking_key"),
            "where": "package_external_ref is not null",
        },
    },
    "channel_external_refs": {
        "ix_channel_external_refs_booking_ref": {
            **index("external_ref"),
            "where": "entity_type)::text = 'booking'::text",
        },
        "ix_channel_external_refs_newest": index(
            "channel_code", "updated_at desc", "created_at desc", "external_ref_key desc"
        ),
    },
    "unmapped_queue": {
        "ix_unmapped_queue_newest": index("created_at desc", "queue_key desc"),
        "ux_unmapped_queue_waiting_mapping": {
            **unique("channel_code", "external_ref_kind", "external_ref", "entity_type"),
            "where": "queue_type)::text = 'channel_mapping'::text) and ((status)::text = any ((array['open'::character varying,"
            " 'in_review'::character varying])::text[]",
        },
    },
    "ops_assignment": {"ux_ops_assignment_one_active": {**unique("booking_key"), "where": "is_active"}},
    "booking_item_snapshot": {"ix_booking_item_snapshot_booking_key": index("booking_key")},
    "ingest_event_log": {"ix_ingest_event_newest": index("request_received_at desc", "event_key desc")},
    "ingest_dead_letter": {
        "ix_ingest_dead_letter_event_key": index("event_key"),
        "ix_ingest_dead_letter_lease_until": index("lease_until"),
    },
}
SNAPSHOT = {"version": {"table": "catalog_snapshot", "column": "version", "on_delete": None}}
PUBLISHING: dict[str, Any] = {
    "catalog_publish_job": {
        "columns": {
            "job_key": column("uuid"),
            "status": column("varchar(16)"),
            "item_keys": column("uuid[]"),
            "item_count": column("integer"),
            "note": column("text", nullable=True),
            "version": column("bigint", nullable=True),
            "created_by": column("varchar(191)"),
            "reviewed_by": column("varchar(191)", nullable=True),
            "published_by": column("varchar(191)", nullable=True),
            "published_at": column("timestamptz", nullable=True),
            "failure_reason": column("text", nullable=True),
            "created_at": column("timestamptz", default=NOW),
            "updated_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["job_key"],
        "foreign_keys": {},
        "checks": {
            "ck_catalog_publish_job_status": {
                "column": "status",
                "values": ["DRAFT", "IN_REVIEW", "PUBLISHED", "FAILED"],
            }
        },
        "indexes": {"ix_catalog_publish_job_updated_at": index("updated_at desc", "job_key desc")},
    },
    "catalog_snapshot": {
        "columns": {
            "version": column("bigint"),
            "job_key": column("uuid"),
            "payload": column("text"),
            "checksum": column("varchar(64)"),
            "item_count": column("integer"),
            "frozen_at": column("timestamptz"),
            "frozen_by": column("varchar(191)"),
            "published_at": column("timestamptz", nullable=True),
            "published_by": column("varchar(191)", nullable=True),
        },
        "primary_key": ["version"],
        "foreign_keys": {"job_key": {"table": "catalog_publish_job", "column": "job_key", "on_delete": None}},
        "checks": {},
        "indexes": {"ix_catalog_snapshot_published": {**index("version desc"), "where": "published_at is not null"}},
    },
    "catalog_publication": {
        "columns": {
            "is_only": column("boolean", default="true"),
            "version": column("bigint", nullable=True),
            "newest_version": column("bigint", default="0"),
            "last_version": column("bigint", default="0"),
            "last_sequence": column("bigint", default="0"),
        },
        "primary_key": ["is_only"],
        "foreign_keys": SNAPSHOT,
        "checks": {"ck_catalog_publication_is_only": {"column": "is_only", "values": ["true"]}},
        "indexes": {},
    },
    "catalog_publish_event": {
        "columns": {
            "sequence": column("bigint"),
            "kind": column("varchar(16)"),
            "version": column("bigint"),
            "previous_version": column("bigint", nullable=True),
            "job_key": column("uuid"),
            "checksum": column("varchar(64)"),
            "item_count": column("integer"),
            "actor": column("varchar(191)"),
            "reason": column("text", nullable=True),
            "created_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["sequence"],
        "foreign_keys": SNAPSHOT,
        "checks": {"ck_catalog_publish_event_kind": {"column": "kind", "values": ["PUBLISHED", "ROLLED_BACK"]}},
        "indexes": {},
    },
    "catalog_publish_nonce": {
        "columns": {"nonce": column("varchar(128)"), "seen_at": column("timestamptz")},
        "primary_key": ["nonce"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ix_catalog_publish_nonce_seen_at": index("seen_at")},
    },
    "catalog_publish_request": {
        "columns": {
            "idempotency_key": column("varchar(128)"),
            "path": column("varchar(255)"),
            "body_hash": column("varchar(64)"),
            "subject": column("varchar(64)"),
            "created_at": column("timestamptz"),
        },
        "primary_key": ["idempotency_key", "path"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ix_catalog_publish_request_created_at": index("created_at")},
    },
}
ADDED_TABLES: dict[str, Any] = {
    "booking_fact": {
        "columns": {
            "event_key": column("uuid"),
            "booking_key": column("uuid"),
            "source": column("varchar(32)"),
            "event_type": column("varchar(32)"),
            "event_time": column("timestamptz"),
            "origin": column("smallint"),
            "facts": column("jsonb"),
            "recorded_at": column("timestamptz", default=NOW),
            "version": column("integer", nullable=True),  # section 5: what an acknowledgement covers
        },
        "primary_key": ["event_key"],
        "foreign_keys": BOOKING,
        "checks": {},
        "indexes": {"ix_booking_fact_booking_time": index("booking_key", "event_time")},
    },
    "payment_fact": {
        "columns": {
            "booking_key": column("uuid"),
            "provider": column("varchar(64)"),
            "kind": column("varchar(16)"),
            "reference": column("varchar(128)"),
            "order_id": column("varchar(128)", nullable=True),
            "amount": column("numeric(12,2)"),
            "currency_code": column("varchar(3)", nullable=True),
            "instant": column("timestamptz"),
            "raw_status": column("varchar(64)"),
            "partially_returned": column("boolean", default="false"),
            "also_called": column("varchar(128)", nullable=True),
            "weak": column("boolean", default="false"),
            "origin": column("smallint"),
            "event_key": column("uuid"),
            "event_time": column("timestamptz"),
            "created_at": column("timestamptz", default=NOW),
            "updated_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["booking_key", "provider", "kind", "reference"],
        "foreign_keys": BOOKING,
        "checks": {
            "ck_payment_fact_kind": {
                "column": "kind",
                "values": ["captured", "refunded", "reversed", "pending", "failed", "voided"],
            }
        },
        "indexes": {},
    },
    "booking_status_history": {
        "columns": {
            "booking_key": column("uuid"),
            "version": column("integer"),
            "changed_at": column("timestamptz"),
            "customer_payment_status": column("varchar(32)"),
            "ops_fulfillment_status": column("varchar(32)"),
            "status_reasons": column("text[]", default="'{}'::text[]"),
        },
        "primary_key": ["booking_key", "version"],
        "foreign_keys": BOOKING,
        "checks": {},
        "indexes": {},
    },
    "ingest_nonce": {
        "columns": {"nonce": column("varchar(128)"), "seen_at": column("timestamptz")},
        "primary_key": ["nonce"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ix_ingest_nonce_seen_at": index("seen_at")},
    },
    "ingest_staged_job": {
        "columns": {
            "job_id": column("uuid"),
            "event_keys": column("uuid[]"),
            "staged_at": column("timestamptz"),
        },
        "primary_key": ["job_id"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ix_ingest_staged_job_staged_at": index("staged_at")},
    },
    "migration_booking_mark": {
        "columns": {
            "booking_key": column("uuid"),
            "body_noted_at": column("timestamptz", nullable=True),
            "body_version": column("integer", nullable=True),
            "body": column("bit(128)", nullable=True),
            "money_noted_at": column("timestamptz", nullable=True),
            "money_version": column("integer", nullable=True),
            "money": column("bit(128)", nullable=True),
        },
        "primary_key": ["booking_key"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "migration_source_mark": {
        "columns": {
            "source_system": column("varchar(32)"),
            "row_id": column("bigint"),
            "digest": column("bit(128)"),
        },
        "primary_key": ["source_system", "row_id"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "flag_sight": {
        "columns": {
            "process_key": column("uuid"),
            "component": column("varchar(32)"),
            "host": column("varchar(191)"),
            "pid": column("integer"),
            "flag_values": column("jsonb"),
            "seen_at": column("timestamptz"),
        },
        "primary_key": ["process_key"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ix_flag_sight_seen_at": index("seen_at")},
    },
    "cutover_mark": {
        "columns": {
            "source_system": column("varchar(32)"),
            "changed_at": column("timestamptz"),
            "row_id": column("bigint"),
            "updated_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["source_system"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "cutover_seen": {
        "columns": {
            "source_system": column("varchar(32)"),
            "source_table": column("varchar(64)"),
            "source_pk": column("bigint"),
            "changed_at": column("timestamptz"),
            "digest": column("varchar(64)"),
            "booking_key": column("uuid", nullable=True),
            "note": column("varchar(64)", nullable=True),
            "seen_at": column("timestamptz"),
        },
        "primary_key": ["source_system", "source_table", "source_pk"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {
            "ix_cutover_seen_unreached": {
                **index("changed_at"),
                "where": "booking_key is null) and (note is null",
            }
        },
    },
    "shadow_tally": {
        "columns": {
            "hour": column("timestamptz"),
            "field": column("varchar(32)"),
            "compared": column("bigint"),
            "mismatched": column("bigint"),
        },
        "primary_key": ["hour", "field"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "shadow_example": {
        "columns": {
            "channel_code": column("varchar(32)"),
            "external_booking_ref": column("varchar(128)"),
            "field": column("varchar(32)"),
            "core_value": column("text"),
            "legacy_value": column("text"),
            "seen_at": column("timestamptz"),
        },
        "primary_key": ["channel_code", "external_booking_ref", "field"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ix_shadow_example_seen_at": index("seen_at desc")},
    },
    "cutover_write": {
        "columns": {
            "write_id": column("varchar(128)"),
            "reported_at": column("timestamptz"),
            "operation": column("varchar(64)"),
            "digest": column("varchar(64)"),
            "mismatch": column("boolean"),
            "report": column("jsonb"),
        },
        "primary_key": ["write_id"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ix_cutover_write_reported_at": index("reported_at")},
    },
    "migration_checkpoint": {
        "columns": {
            "batch_code": column("varchar(16)"),
            "run_key": column("uuid"),
            "source_system": column("varchar(32)", nullable=True),
            "last_row_id": column("bigint", nullable=True),
            "rows_done": column("bigint"),
            "updated_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["batch_code"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "migration_exception": {
        "columns": {
            "batch_code": column("varchar(16)"),
            "exception": column("varchar(32)"),
            "source_system": column("varchar(32)"),
            "source_table": column("varchar(64)"),
            "source_pk": column("varchar(128)"),
            "channel_code": column("varchar(32)"),
            "external_booking_ref": column("text"),
            "detail": column("text"),
            "created_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["batch_code", "exception", "source_system", "source_table", "source_pk"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ix_migration_exception_source": index("batch_code", "source_system", "source_table", "source_pk")},
    },
    "migration_gate_result": {
        "columns": {
            "result_key": column("uuid"),
            "gate": column("varchar(64)"),
            "batch_code": column("varchar(16)"),
            "judged_run": column("uuid", nullable=True),
            "verdict": column("varchar(8)"),
            "checks": column("jsonb"),
            "report_path": column("text", nullable=True),
            "measured_at": column("timestamptz"),
            "created_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["result_key"],
        "foreign_keys": {},
        "checks": {"ck_migration_gate_result_verdict": {"column": "verdict", "values": ["PASS", "HOLD", "FAIL"]}},
        "indexes": {"ix_migration_gate_result_newest": index("gate", "created_at desc", "result_key desc")},
    },
    "migration_written": {
        "columns": {
            "batch_code": column("varchar(16)"),
            "table_name": column("varchar(64)"),
            "row_key": column("varchar(64)"),
            "label_before": column("varchar(191)", nullable=True),
            "label_after": column("varchar(191)"),
            "run_key": column("uuid"),
        },
        "primary_key": ["batch_code", "table_name", "row_key"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "replay_job": {
        "columns": {
            "job_key": column("uuid"),
            "asked_filter": column("jsonb"),
            "actor": column("varchar(191)"),
            "reason": column("text"),
            "request_id": column("varchar(128)", nullable=True),
            "created_at": column("timestamptz", default=NOW),
            "proof": column("jsonb", default="'{}'::jsonb"),
        },
        "primary_key": ["job_key"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "replay_job_item": {
        "columns": {
            "job_key": column("uuid"),
            "event_key": column("uuid"),
            "dead_letter_key": column("uuid"),
            "outcome": column("varchar(191)", nullable=True),
            "settled_at": column("timestamptz", nullable=True),
        },
        "primary_key": ["job_key", "event_key"],
        "foreign_keys": {"job_key": {"table": "replay_job", "column": "job_key", "on_delete": "cascade"}},
        "checks": {},
        "indexes": {
            "ix_replay_job_item_pending": {"unique": False, "columns": ["job_key"], "where": "outcome is null"}
        },
    },
    "package_refold": {
        "columns": {
            "channel_code": column("varchar(32)"),
            "external_ref_kind": column("varchar(64)"),
            "external_ref": column("varchar(128)"),
            "asked_at": column("timestamptz"),
            "behind": column("uuid", nullable=True),
        },
        "primary_key": ["channel_code", "external_ref_kind", "external_ref"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "runtime_flag": {
        "columns": {
            "flag_name": column("varchar(64)"),
            "flag_value": column("text"),
            "actor": column("varchar(191)"),
            "reason": column("text"),
            "updated_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["flag_name"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {},
    },
    "principal": {
        "columns": {
            "principal_key": column("uuid"),
            "principal_name": column("varchar(128)"),
            "principal_role": column("varchar(16)"),
            **MADE,
            "disabled_at": column("timestamptz", nullable=True),
        },
        "primary_key": ["principal_key"],
        "foreign_keys": {},
        "checks": {"ck_principal_role": {"column": "principal_role", "values": ["ADMIN", "MANAGER", "STAFF"]}},
        "indexes": {"ux_principal_name": unique("principal_name")},
    },
    "producer": {
        "columns": {
            "producer_key": column("uuid"),
            "producer_name": column("varchar(62)"),
            "sources": column("text[]"),
            **MADE,
            "disabled_at": column("timestamptz", nullable=True),
        },
        "primary_key": ["producer_key"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {"ux_producer_name": unique("producer_name")},
    },
    **{
        f"{owner}_token": {
            "columns": {
                "token_key": column("uuid"),
                f"{owner}_key": column("uuid"),
                "token_digest": column("varchar(64)"),
                **MADE,
                "ended_at": column("timestamptz", nullable=True),
            },
            "primary_key": ["token_key"],
            "foreign_keys": {f"{owner}_key": {"table": owner, "column": f"{owner}_key", "on_delete": None}},
            "checks": {},
            "indexes": {f"ux_{owner}_token_digest": unique("token_digest")},
        }
        for owner in ("principal", "producer")
    },
    "producer_secret": {
        "columns": {
            "secret_key": column("uuid"),
            "producer_key": column("uuid"),
            "ciphertext": column("text"),
            **MADE,
            "ended_at": column("timestamptz", nullable=True),
        },
        "primary_key": ["secret_key"],
        "foreign_keys": {"producer_key": {"table": "producer", "column": "producer_key", "on_delete": None}},
        "checks": {},
        "indexes": {},
    },
    **{
        f"ops_{kind}": {
            "columns": {
                f"{kind}_id": column("integer"),
                f"{kind}_name": column("varchar(191)"),
                "is_active": column("boolean", default="true"),
                "created_at": column("timestamptz", default=NOW),
                "updated_at": column("timestamptz", default=NOW),
            },
            "primary_key": [f"{kind}_id"],
            "foreign_keys": {},
            "checks": {},
            "indexes": {},
        }
        for kind in ("driver", "partner")
    },
    "booking_conflict": {  # section 10
        "columns": {
            "conflict_key": column("uuid"),
            "booking_key": column("uuid"),
            "module": column("varchar(32)"),
            "fields": column("text[]"),
            "shown_values": column("jsonb"),
            "core_values": column("jsonb"),
            "legacy_values": column("jsonb"),
            "severity": column("varchar(16)"),
            "opened_by": column("varchar(191)"),
            "opened_at": column("timestamptz"),
            "due_at": column("timestamptz"),
            "choice": column("varchar(16)", nullable=True),
            "settled_by": column("varchar(191)", nullable=True),
            "settle_reason": column("text", nullable=True),
            "settled_at": column("timestamptz", nullable=True),
        },
        "primary_key": ["conflict_key"],
        "foreign_keys": BOOKING,
        "checks": {"ck_booking_conflict_choice": {"column": "choice", "values": ["CORE", "LEGACY", "SHOWN"]}},
        "indexes": {
            "ix_booking_conflict_booking": index("booking_key", "opened_at"),
            "ix_booking_conflict_open": {**index("due_at"), "where": "settled_at is null"},
        },
    },
    **PUBLISHING,
    "audit_log": {
        "columns": {
            "audit_id": column("uuid"),
            "event_type": column("varchar(64)"),
            "actor": column("varchar(191)"),
            "resource_type": column("varchar(64)", nullable=True),
            "resource_id": column("varchar(191)", nullable=True),
            "metadata": column("jsonb", default="'{}'::jsonb"),
            "request_id": column("varchar(128)", nullable=True),
            "created_at": column("timestamptz", default=NOW),
        },
        "primary_key": ["audit_id"],
        "foreign_keys": {},
        "checks": {},
        "indexes": {
            "ix_audit_log_created_at": index("created_at"),
            "ix_audit_log_actor": index("actor", "created_at desc"),
            "ix_audit_log_resource": index("resource_type", "resource_id", "created_at desc"),
        },
    },
}


def expected_schema() -> Schema:
    tables: Schema = deepcopy(TARGET["tables"])
    for name, columns in UNSAID.items():
        for said_later in columns:
            tables[name]["columns"][said_later] |= {"nullable": True, "default": None}
    for name, more in ADDED_COLUMNS.items():
        tables[name]["columns"] |= more
    for name, checks in ADDED_CHECKS.items():
        tables[name]["checks"] |= checks
    for name, indexes in ADDED_INDEXES.items():
        tables[name]["indexes"] |= indexes
    tables["channel_external_refs"]["checks"]["ck_channel_external_refs_mapping_status"] = {
        "column": "mapping_status",
        "values": ["MAPPED", "UNMAPPED", "REVIEW_REQUIRED"],
    }
    # A producer's name and a blank stand before its keys, so that none can use up another's.
    tables["ingest_event_log"]["columns"]["idempotency_key"]["type"] = "varchar(191)"
    # Each pair of statuses goes on by channel and time: a list of any of the three reads the heads of such streams. It and the
    # index of tour days hold all that a list filters by.
    of_bookings = tables["booking_core"]["indexes"]
    of_bookings["ix_booking_core_status_pair"] = {
        **index(*STATUSES, "channel_code", "booking_created_at desc", "booking_key desc"),
        "include": ["tour_date"],
    }
    of_bookings["ix_booking_core_tour_date"] = {
        **index("tour_date", "booking_created_at desc", "booking_key desc"),
        "include": [*STATUSES, "channel_code"],
    }
    # Section 6: it is not a duplicate if it says something else.
    tables["ingest_event_log"]["indexes"]["ux_ingest_event_secondary_dedup"]["columns"].append("fingerprint")
    return tables | ADDED_TABLES


@pytest.fixture(scope="module")
def schema(postgres_server: PostgresAddress, migrated_template: str) -> Iterator[Schema]:
    """Read once, from a copy: nobody may be connected to the template while others are copied from it."""
    name = f"bst_schema_{uuid4().hex}"
    try:
        with psycopg.connect(postgres_server.create(name, template=migrated_template)) as connection:
            yield read_schema(connection)
    finally:
        postgres_server.drop(name)


def test_the_target_has_24_tables() -> None:
    assert len(TARGET["tables"]) == 24


def test_tables(schema: Schema) -> None:
    assert sorted(schema) == sorted([*expected_schema(), "alembic_version"])


@pytest.mark.parametrize("table", sorted(expected_schema()))
@pytest.mark.parametrize("aspect", ["columns", "primary_key", "foreign_keys", "checks", "indexes"])
def test_table(schema: Schema, table: str, aspect: str) -> None:
    assert schema[table][aspect] == expected_schema()[table][aspect]


def test_the_tables_of_the_code_are_those_of_the_database(postgres_dsn: str) -> None:
    with create_engine(sqlalchemy_url(postgres_dsn), poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": metadata}
        )
        assert compare_metadata(context, metadata) == []


def test_seeds(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        for table, labels in TARGET["seeds"].items():
            code, label = list(TARGET["tables"][table]["columns"])[:2]
            assert dict(connection.execute(f"select {code}, {label} from {table}".encode()).fetchall()) == labels
        assert connection.execute("select bool_and(is_active) from channel_registry").fetchone() == (True,)


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_log set actor = 'somebody else'",
        "delete from audit_log",
        "truncate audit_log",
        "delete from audit_log where false",
        "merge into audit_log old using audit_log new on old.audit_id = new.audit_id when matched then delete",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_audit_log_only_grows(postgres_dsn: str, statement: str, role: str) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"set session_replication_role = {role}".encode())
        connection.execute(
            "insert into audit_log (audit_id, event_type, actor) values (gen_random_uuid(), 'BOOKING_REPLAYED', 'ana')"
        )
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            connection.execute(statement.encode())
        assert connection.execute("select actor from audit_log").fetchall() == [("ana",)]
