"""What is to be sent, without what changes from attempt to attempt: to be stored now and sent later, byte for byte the same.

An envelope holds no secret, no nonce and no time of sending, so it may lie in an outbox for as long as it takes.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import field, frozen

EVENTS_PATH: Final = "/v1/ingest/bookings/events"
PUBLISH_PATH: Final = "/v1/catalog/publish/jobs"
#: The server reads no more.
MAX_BODY_BYTES: Final = 1024 * 1024
_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")
#: What is sent as it stands: no query, nothing that a client would escape or resolve, because the path is signed as it is sent.
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9\-._~!$&'()*+,;=:@%]*)+")
_FORMAT: Final = 1


class BadEnvelope(ValueError):
    """It could never be accepted; the text says why."""


class PublishStep(StrEnum):
    """What is done to a publish job that there is."""

    SUBMIT_REVIEW = "submit-review"
    PUBLISH = "publish"
    RETRY = "retry"


@frozen(kw_only=True)
class Envelope:
    """One call. ``repeatable``: the server recognises a second delivery by its signed key, so an attempt whose answer was lost
    may be made again."""

    method: str
    path: str
    key: str
    body: bytes = field(repr=False)  # it names guests
    repeatable: bool

    def __attrs_post_init__(self) -> None:
        if _KEY.fullmatch(self.key) is None:
            raise BadEnvelope("the idempotency key must have 1 to 128 printable ASCII characters without spaces")
        if _PATH.fullmatch(self.path) is None:
            raise BadEnvelope(
                "the path must start with / and have no query, no dots alone, and nothing that has to be escaped"
            )
        if len(self.body) > MAX_BODY_BYTES:
            raise BadEnvelope(f"the body has {len(self.body)} bytes; the most that is read is {MAX_BODY_BYTES}")

    def to_json(self) -> str:
        """For an outbox. ``from_json`` gives the same envelope again."""
        said = {
            "format": _FORMAT,
            "method": self.method,
            "path": self.path,
            "idempotencyKey": self.key,
            "repeatable": self.repeatable,
            "body": self.body.decode(),
        }
        return json.dumps(said, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Envelope":
        """Raises BadEnvelope for what ``to_json`` did not write."""
        try:
            said = json.loads(text)
            if said["format"] != _FORMAT:
                raise BadEnvelope(f"an envelope of format {said['format']!r}; this version reads {_FORMAT}")
            members = {name: said[name] for name in ("method", "path", "repeatable")}
            return cls(**members, key=said["idempotencyKey"], body=said["body"].encode())
        except (KeyError, TypeError, AttributeError, UnicodeError, json.JSONDecodeError) as error:
            raise BadEnvelope(f"this is no envelope: {error!r}") from error


def prepare_event(event: Mapping[str, Any], *, key: str) -> Envelope:
    """A booking event (contracts/booking-ingest-event-v1.schema.json). ``key`` names the event, not the attempt: choose it from
    what happened (``direct-created-1042``), so that whoever prepares the same event twice sends it once."""
    return prepare("POST", EVENTS_PATH, event, key=key, repeatable=True)


def prepare_publish(
    body: Mapping[str, Any] | None = None, *, key: str, job_id: str | None = None, step: PublishStep | None = None
) -> Envelope:
    """A call of catalog publishing: without ``job_id`` a new draft, else a ``step`` of that job.

    ``key`` names the call: made again under the same signed key, with the same body, it is answered as it was the first time.
    """
    if (job_id is None) != (step is None):
        raise BadEnvelope("a step needs a job, and a job a step; a new draft has neither")
    path = PUBLISH_PATH if step is None else f"{PUBLISH_PATH}/{job_id}/{step.value}"
    return prepare("POST", path, {} if body is None else body, key=key, repeatable=True)


def prepare(method: str, path: str, body: Mapping[str, Any], *, key: str, repeatable: bool) -> Envelope:
    """Any call with a JSON body; ``repeatable`` as in Envelope.

    Raises BadEnvelope for what is no JSON: NaN, a lone surrogate, another type.
    """
    try:
        raw = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise BadEnvelope(f"the body cannot be written as JSON: {error}") from error
    return Envelope(method=method.upper(), path=path, key=key, body=raw, repeatable=repeatable)
