"""What producers send: a few bookings, several events each, repeated and contradicted as real producers do."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from attrs import define, evolve

from bst_application.use_cases.accept import Delivery
from bst_application.use_cases.ingest import new_event
from bst_domain.ingest import BookingEvent, canonical_text, decode, fingerprint, parse_event
from bst_testing.deliveries import body, paid
from bst_testing.simulator._world import World

_FIRST = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
_NAMES = ["Guest", "Annika Brandstaetter", "Wayan Artha", None]
_DAYS = ["2026-05-30", "2026-06-01", "2026-06-02", "2026-07-01"]
#: A word that no table has: such an event becomes a dead letter.
UNKNOWN_WORD = "TELEPORTED"


@define(kw_only=True)
class Sending:
    """One thing that a producer wants to get through: it tries again until it has an answer."""

    key: str
    nonce: str
    said: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """Of the body: equal exactly when two bodies say the same."""
        return fingerprint(canonical_text(decode(canonical_text(self.said).encode())))

    @property
    def name(self) -> str:
        """How the story calls it."""
        return f"{self.said['eventType']} {self.said['source']}:{self.said['externalBookingRef']} key={self.key}"


def write_story(random: Random) -> list[Sending]:
    """The deliveries of one run, in the order in which they are first sent, which is nobody's order."""
    sendings = []
    for booking in range(random.randint(1, 3)):
        ref = f"WEB-{booking}"
        for number in range(random.randint(1, 4)):
            kind = "CREATED" if number == 0 else random.choice(["UPDATED", "UPDATED", "UPDATED", "CANCELLED"])
            sendings.append(
                Sending(key=f"{ref}-{number}", nonce=f"nonce-{ref}-{number}", said=_body(random, kind, ref, number))
            )
    random.shuffle(sendings)
    return sendings


def variations(random: Random, sending: Sending, number: int) -> list[Sending]:
    """What goes wrong on the way: the same again, to the letter, under another key, or another body under this key."""
    again = evolve(sending, nonce=f"{sending.nonce}-again-{number}")
    wrong = {**sending.said, "booking": {**sending.said["booking"], "note": f"changed {number}"}}
    return random.choices(
        [
            [],
            [again],
            [evolve(sending)],  # to the letter: the nonce, too
            [evolve(again, key=f"{sending.key}-other-{number}")],
            [evolve(again, said=wrong)],
        ],
        weights=[4, 3, 1, 1, 1],
    )[0]


def _body(random: Random, kind: str, ref: str, number: int) -> dict[str, Any]:
    at = _FIRST + timedelta(minutes=number) + timedelta(microseconds=random.choice([0, 1, 1000, 999_999]))
    more: dict[str, Any] = {}
    if random.random() < 0.5:
        more["customer"] = {"name": random.choice(_NAMES)}
    if random.random() < 0.5:
        status = random.choice(["COMPLETED", "COMPLETED", "PENDING", "FAILED", "REFUNDED", UNKNOWN_WORD])
        more["raw"] = paid(random.choice(["P-1", "P-2"]) + ref, status, amount=150)
    booking: dict[str, Any] = {}
    if kind != "CANCELLED":
        booking = {"tourDate": random.choice(_DAYS), "adult": random.randint(1, 4)}
        if random.random() < 0.5:
            booking |= {"currency": "USD", "totalPrice": 150}
    return body(kind, ref, f"{at:%Y-%m-%dT%H:%M:%S.%f}Z", booking=booking, **more)


def delivery_of(sending: Sending, world: World, process: str) -> Delivery:
    """What the door of this process makes of it: a row with a fresh id and the time on its own clock."""
    raw = canonical_text(sending.said).encode()
    decoded = decode(raw)
    now = world.clock(process)
    event = parse_event(decoded, now=now)
    assert isinstance(event, BookingEvent), event
    row = new_event(
        event=event,
        body=decoded,
        idempotency_key=sending.key,
        nonce=sending.nonce,
        payload_hash=sha256(raw).hexdigest(),
        now=now,
        new_id=world.new_id,
    )
    return Delivery(nonce=row.nonce, event=row)
