"""Signs booking events and catalog publish calls, and sends them to BST until each has its answer.

Prepare an envelope, keep it where the booking is kept (an outbox), send it with ``Emitter`` or ``AsyncEmitter``.
"""

from bst_emitter._delivery import Accepted, Patience, Refused, Result, Undelivered
from bst_emitter._emitters import AsyncEmitter, Emitter
from bst_emitter._envelope import (
    MAX_BODY_BYTES,
    BadEnvelope,
    Envelope,
    PublishStep,
    prepare,
    prepare_event,
    prepare_publish,
)
from bst_emitter._signing import ALGORITHM, Target, canonical_string, sign, signed_headers

__all__ = [
    "ALGORITHM",
    "MAX_BODY_BYTES",
    "Accepted",
    "AsyncEmitter",
    "BadEnvelope",
    "Emitter",
    "Envelope",
    "Patience",
    "PublishStep",
    "Refused",
    "Result",
    "Target",
    "Undelivered",
    "canonical_string",
    "prepare",
    "prepare_event",
    "prepare_publish",
    "sign",
    "signed_headers",
]
