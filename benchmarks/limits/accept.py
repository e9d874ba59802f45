"""The way in without HTTP: the use case and its storage as the API wires them, called by as many as the door would have waiting.

Three forms. ``commit``: what arrives is checked already, as the rows of the limit are made beforehand; nonce, key, event and
staged job in one commit. ``crowd``: the same with more callers, for larger groups. ``checked``: also signature, JSON, body and
fingerprint, and the hand-over to Redis beside it; all that the door does but HTTP.
"""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from hmac import digest
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import psycopg
import uvloop
from attrs import frozen

from benchmarks.rig import peer
from bst_application.ids import uuid7
from bst_application.use_cases.accept import AcceptDeliveries, Delivery
from bst_application.use_cases.hand_over import HandOver
from bst_application.use_cases.ingest import IngestDoor, new_event
from bst_bullmq.redis_queue import RedisJobQueue
from bst_core_api.wiring import HAND_OVER_AFTER_S, UNSTAGE_AFTER_S
from bst_domain.ingest import Accepted, BookingEvent, SignedRequest, Verified, decode, parse_event, verify
from bst_domain.values import EventId
from bst_postgres.database import Database
from bst_postgres.event_log import PostgresEventLog

#: What each run is checked for in SQL, beside what it shares with the peer's; all must be 0.
CHECKS = ("not_accepted", "too_many", "not_staged")
PATH = "/v1/ingest/bookings/events"


@frozen(kw_only=True)
class Form:
    """How the way in is called."""

    said: str
    callers: int
    checked: bool


#: The first has the goal of issue "Fast": 30 % of accept_limit.
FORMS = {
    "commit": Form(said="64 callers, checked beforehand", callers=64, checked=False),
    "crowd": Form(said="256 callers, checked beforehand", callers=256, checked=False),
    "checked": Form(said="64 callers, with signature, JSON, body and hand-over to Redis", callers=64, checked=True),
}


def accept(load: peer.Load, form: Form) -> dict[str, Any]:
    """On an empty, migrated database. The first tenth is not counted, as the limit does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_accept(load, form))


async def _accept(load: peer.Load, form: Form) -> dict[str, Any]:
    database = Database(peer.database_url(), application_name="bst-api")
    log, queue = PostgresEventLog(database), RedisJobQueue(peer.redis_url(), "ingest-bookings-events")
    hand_over = HandOver(queue=queue, staged_jobs=log)
    door = IngestDoor(
        accept=AcceptDeliveries(
            log=log, now=_now, new_id=uuid7, nonce_ttl=timedelta(minutes=10), stages_jobs=lambda: True
        ),
        hand_over=hand_over,
        inline=None,
    )
    requests = _signed(load)
    given: Sequence[SignedRequest | Delivery] = requests if form.checked else [_delivery(each) for each in requests]
    pause = partial(asyncio.sleep, HAND_OVER_AFTER_S)
    beside = (
        (hand_over.run(pause), hand_over.unstaging(partial(asyncio.sleep, UNSTAGE_AFTER_S))) if form.checked else ()
    )
    handing_over = [asyncio.create_task(each) for each in beside]
    gc.collect()
    gc.freeze()  # the requests would come one by one, and not lie here for the collector to look at
    try:
        cut = len(given) // 10
        ids = await _all_through(door, given[:cut], form.callers)
        began = perf_counter()
        ids += await _all_through(door, given[cut:], form.callers)
        seconds = perf_counter() - began
    finally:
        gc.unfreeze()
        await door.close()
        for task in handing_over:
            task.cancel()
        await asyncio.gather(*handing_over, return_exceptions=True)
        await queue.close()
        await database.close()
    return {"rows_s": round((len(given) - cut) / seconds), "events": len(given), **_verified(load, ids, form)}


async def _all_through(
    door: IngestDoor, given: Sequence[SignedRequest | Delivery], callers: int
) -> list[EventId | None]:
    """Each caller brings its next one as soon as the last one is committed. The ids, None for what was not accepted."""
    ids: list[EventId | None] = [None] * len(given)
    rest = iter(range(len(given)))

    async def call() -> None:
        for at in rest:
            delivery = given[at]
            receipt = await door(delivery if isinstance(delivery, Delivery) else _delivery(delivery))
            ids[at] = receipt.outcome.event_id if isinstance(receipt.outcome, Accepted) else None

    await asyncio.gather(*(call() for _ in range(callers)))
    return ids


def _signed(load: peer.Load) -> list[SignedRequest]:
    _, secret = peer.credentials()
    return list(_requests(load, secret.encode()))


def _requests(load: peer.Load, secret: bytes) -> Iterator[SignedRequest]:
    timestamp = _now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for key, body in load.deliveries:
        nonce = str(uuid4())
        canonical = "\n".join(("POST", PATH, timestamp, nonce, key, sha256(body).hexdigest()))
        yield SignedRequest(
            method="POST",
            path=PATH,
            timestamp=timestamp,
            nonce=nonce,
            idempotency_key=key,
            body=body,
            algorithm="HMAC-SHA256",
            signature=digest(secret, canonical.encode(), "sha256").hex(),
        )


def _delivery(signed: SignedRequest) -> Delivery:
    """What the door makes of a request."""
    now = _now()
    verified = verify(signed, secrets=(peer.credentials()[1],), now=now)
    body = decode(signed.body)
    event = parse_event(body, now=now)
    assert isinstance(verified, Verified), verified
    assert isinstance(event, BookingEvent), event
    row = new_event(
        event=event,
        body=body,
        idempotency_key=signed.idempotency_key,
        nonce=signed.nonce,
        payload_hash=verified.payload_hash,
        now=now,
        new_id=uuid7,
    )
    return Delivery(nonce=signed.nonce, event=row)


def _verified(load: peer.Load, ids: Sequence[EventId | None], form: Form) -> dict[str, int]:
    """Checks in SQL: every event was accepted, is in the log under the id that was answered, once, and in one job."""
    with psycopg.connect(peer.database_url(), autocommit=True) as db:
        log: dict[str, UUID] = dict(db.execute("select idempotency_key, event_key from ingest_event_log").fetchall())
        staged = {key for (key,) in db.execute("select unnest(event_keys) from ingest_staged_job").fetchall()}
    return {
        "not_accepted": sum(event_id is None for event_id in ids),
        "lost": sum(log.get(key) != at for (key, _), at in zip(load.deliveries, ids, strict=True)),
        "too_many": max(0, len(log) - load.unique),
        "not_staged": 0 if form.checked else len(set(log.values()) ^ staged),  # what is handed over is staged no longer
    }


def _now() -> datetime:
    return datetime.now(UTC)
