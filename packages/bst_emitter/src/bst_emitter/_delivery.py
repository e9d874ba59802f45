"""How one envelope is delivered: attempts, pauses between them, and what an answer means. No I/O: ``delivering`` says what to
do next and is told what came of it, so that it serves both emitters.

Source of the rules: the attempts of the predecessor's emitter (four; 0.5, 1.5 and 4 s between them; network errors, 5xx and 429).
"""

import json
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from bst_emitter._envelope import Envelope
from bst_emitter._signing import Target, signed_headers

_TOO_MANY_REQUESTS: Final = 429


@frozen(kw_only=True)
class Patience:
    """How long to go on. All in seconds."""

    pauses_s: tuple[float, ...] = (0.5, 1.5, 4.0)  # one attempt more than there are pauses
    timeout_s: float = 8.0  # for connecting, for sending, and for each silence of the server
    longest_pause_s: float = 30.0  # a server that asks for a longer one is left alone: the envelope can be sent later


@frozen(kw_only=True)
class Attempt:
    """To be sent now."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    timeout_s: float


@frozen(kw_only=True)
class Pause:
    """To be waited."""

    seconds: float


@frozen(kw_only=True)
class Answer:
    """What the server said."""

    status: int
    retry_after: str | None
    content: bytes = field(repr=False)


@frozen(kw_only=True)
class NoAnswer:
    """``reached``: the request may have arrived."""

    why: str
    reached: bool


@frozen(kw_only=True)
class Accepted:
    """Done. ``data`` is the answer's ``data``: of an event ``eventId``, ``processStatus``, ``idempotentReplay``."""

    status: int
    data: Any = field(repr=False)
    request_id: str | None
    attempts: int


@frozen(kw_only=True)
class Refused:
    """The server will never take this envelope; ``message`` is its machine string. Sending it again is of no use."""

    status: int
    message: str
    details: Any = field(repr=False)
    request_id: str | None
    attempts: int


@frozen(kw_only=True)
class Undelivered:
    """Not now: keep the envelope and send it later, not before ``retry_after_s`` where the server said so.

    ``perhaps_done``: an attempt may have arrived whose answer was lost. A repeatable envelope that is signed is sent again all
    the same.
    """

    trouble: str
    retry_after_s: float | None
    perhaps_done: bool
    attempts: int


Result: TypeAlias = Accepted | Refused | Undelivered


def delivering(
    envelope: Envelope,
    target: Target,
    patience: Patience,
    *,
    now: Callable[[], datetime],
    new_nonce: Callable[[], str],
) -> Generator[Attempt | Pause, Answer | NoAnswer | None, Result]:
    """Yields what to do; wants an Answer or NoAnswer for an Attempt, anything for a Pause. Same key and body each time, a fresh
    nonce and timestamp."""
    perhaps_done = False
    again_is_harmless = envelope.repeatable and target.secret is not None  # a key that is not signed says nothing
    for number, pause in enumerate((*patience.pauses_s, None), start=1):
        headers = signed_headers(
            target,
            method=envelope.method,
            path=envelope.path,
            key=envelope.key,
            body=envelope.body,
            now=now(),
            nonce=new_nonce(),
        )
        heard = yield Attempt(
            method=envelope.method,
            url=target.base + envelope.path,
            headers=headers,
            content=envelope.body,
            timeout_s=patience.timeout_s,
        )
        assert heard is not None
        wanted: float | None = None
        if isinstance(heard, Answer):
            if not _come_back(heard.status):
                return _final(heard, number)
            trouble, wanted = f"{heard.status} {_said(heard).message}", _seconds(heard.retry_after, now())
            may_be_done = heard.status != _TOO_MANY_REQUESTS
        else:
            trouble, may_be_done = heard.why, heard.reached
        perhaps_done |= may_be_done
        wait_s = max(pause or 0.0, wanted or 0.0)
        if pause is None or wait_s > patience.longest_pause_s or (may_be_done and not again_is_harmless):
            return Undelivered(trouble=trouble, retry_after_s=wanted, perhaps_done=perhaps_done, attempts=number)
        yield Pause(seconds=wait_s)
    raise AssertionError("the last attempt has no pause, and so returns")


def _come_back(status: int) -> bool:
    return status == _TOO_MANY_REQUESTS or status >= 500


def _final(answer: Answer, attempts: int) -> Accepted | Refused:
    said = _said(answer)
    if 200 <= answer.status < 300:
        return Accepted(status=answer.status, data=said.data, request_id=said.request_id, attempts=attempts)
    return Refused(
        status=answer.status,
        message=said.message,
        details=said.details,
        request_id=said.request_id,
        attempts=attempts,
    )


@frozen(kw_only=True)
class _Said:
    message: str
    data: Any = None
    details: Any = None
    request_id: str | None = None


def _said(answer: Answer) -> _Said:
    """The envelope's members; something between us and BST may have answered in its own words."""
    try:
        said = json.loads(answer.content)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return _Said(message="an answer that is not BST's")
    error, meta = said.get("error"), said.get("meta")
    if isinstance(error, dict):
        message, request = error.get("message"), error.get("requestId")
        return _Said(message=str(message), details=error.get("details"), request_id=_text(request))
    request = meta.get("requestId") if isinstance(meta, dict) else None
    return _Said(message="an answer that is not BST's", data=said.get("data"), request_id=_text(request))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """``Retry-After``: seconds, or a date (RFC 9110, section 10.2.3). None where it says neither."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return None if at.tzinfo is None else max(0.0, (at - now).total_seconds())
