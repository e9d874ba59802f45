"""Events of the log and dead letters as the API shows them."""

from typing import Any

from bst_application.ports.reading import EventRecord
from bst_application.ports.repair import DeadLetterRecord
from bst_domain.values import format_instant


def event_json(record: EventRecord, *, full: bool) -> dict[str, Any]:
    """Without a token: ids, status and times, nothing that was said."""
    return {
        "eventId": str(record.event_id),
        # What stands before the blank is the producer whose key it is.
        "idempotencyKey": record.idempotency_key.rpartition(" ")[2] if full else None,
        "processStatus": record.process_status,
        "replayCount": record.replay_count,
        "payload": record.payload if full else None,
        "createdAt": format_instant(record.received_at),
        "updatedAt": format_instant(record.processed_at or record.received_at),
        "source": record.source,
        "channelCode": record.channel,
        "externalBookingRef": record.ref,
        "eventType": record.event_type,
        "eventTime": format_instant(record.event_time),
        "eventTimeNormalized": format_instant(record.event_time_normalized),
        "nonce": record.nonce if full else None,
        "payloadHash": record.payload_hash if full else None,
        "errorMessage": record.error_message if full else None,
        "attemptCount": record.attempts,
        "nextRetryAt": None if record.next_retry_at is None else format_instant(record.next_retry_at),
    }


def letter_json(letter: DeadLetterRecord) -> dict[str, Any]:
    """A dead letter as the API shows it."""
    return {
        "deadLetterKey": str(letter.key),
        "eventId": str(letter.event_id),
        "status": letter.status.value,
        "reasonCode": letter.reason_code,
        "reasonDetail": letter.reason_detail,
        "poisonMessage": letter.poison,
        "replayCount": letter.replay_count,
        "firstFailedAt": format_instant(letter.first_failed_at),
        "lastFailedAt": format_instant(letter.last_failed_at),
        "nextReplayAt": None if letter.next_replay_at is None else format_instant(letter.next_replay_at),
        "source": letter.source,
        "channelCode": letter.channel,
        "externalBookingRef": letter.ref,
        "eventType": letter.event_type,
    }
