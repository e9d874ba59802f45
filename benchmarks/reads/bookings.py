"""Bookings as three years leave them: growing, with busy days, many channels, and statuses that fit their tour day."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from attrs import frozen

from benchmarks.reads.people import Guest, falling, guest
from bst_domain.values import bali_day

YEARS = 3
CHANNELS = ("DIRECT", "GYG", "VIATOR", "BOKUN", "TRIPDOTCOM", "MANUAL")
_REFS = {"DIRECT": "WEB-", "GYG": "GYG", "VIATOR": "BR-", "BOKUN": "BOK-", "TRIPDOTCOM": "TDC", "MANUAL": "M-"}
_SIGNS = "ABCDEFGHKLMNPRSTUVWXYZ23456789"
_CHANNEL_WEIGHTS = [*falling(len(CHANNELS) - 1), falling(len(CHANNELS) - 1)[-1] + 0.01]
Words = tuple[tuple[str, float], ...]
#: Per thousand, of tours that are over; the rarest makes one in 20,000.
_OVER: Words = (("DONE", 880), ("COMPLETED", 25), ("CANCELLED", 85), ("NO_SHOW", 9.95), ("ATTENTION", 0.05))
_AHEAD: Words = (("NEW", 120), ("READY", 730), ("UPDATED", 40), ("CANCELLED", 100), ("ATTENTION", 10))
_PAYMENTS: Words = (("PAID", 890), ("REFUNDED", 60), ("PENDING_PAYMENT", 40), ("FAILED", 9.9), ("DRAFT", 0.1))
_WEIGHTS = {words: [weight for _, weight in words] for words in (_OVER, _AHEAD, _PAYMENTS)}


@frozen(kw_only=True)
class Made:
    """A booking of the benchmark."""

    key: UUID
    channel: str
    ref: str
    booked_at: datetime
    tour_date: date | None
    payment: str
    fulfilment: str
    guest: Guest
    adults: int
    price: int


def bookings(many: int, now: datetime, *, seed: int = 5) -> Iterator[Made]:
    """In the order of their booking, the last one just before ``now``. Same arguments, same bookings, but for ``now``."""
    chance = random.Random(seed)
    today = bali_day(now)
    busy = [today + timedelta(days=chance.randrange(-365 * YEARS, 120)) for _ in range(12)]
    for number in range(many):
        # The square root lets business grow: the last year has nearly half of all.
        booked_at = now - timedelta(days=365 * YEARS) * (1 - ((number + chance.random()) / many) ** 0.6)
        channel = chance.choices(CHANNELS, cum_weights=_CHANNEL_WEIGHTS)[0]
        tour = _tour_date(booked_at.date(), busy, chance)
        rules = _OVER if tour is not None and tour < today else _AHEAD
        cancelled = (fulfilment := _one_of(rules, chance)) == "CANCELLED"
        payment = "REFUNDED" if cancelled and chance.random() < 0.7 else _one_of(_PAYMENTS, chance)
        adults = chance.choice((1, 2, 2, 2, 3, 4, 6))
        yield Made(
            key=UUID(int=(int(booked_at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | chance.getrandbits(62)),
            channel=channel,
            ref=_ref(channel, number, chance),
            booked_at=booked_at.astimezone(UTC),
            tour_date=tour,
            payment=payment,
            fulfilment=fulfilment,
            guest=guest(channel, chance),
            adults=adults,
            price=adults * chance.randrange(25, 160),
        )


def _tour_date(booked: date, busy: list[date], chance: random.Random) -> date | None:
    kind = chance.random()
    if kind < 0.003:
        return None  # an update that came before its CREATED, and nothing since
    if kind < 0.006:
        return booked - timedelta(days=chance.randrange(2, 200))  # recorded when the tour was over
    day = booked + timedelta(days=int(min(chance.expovariate(1 / 30), 500)))
    near = min(busy, key=lambda other: abs(other - day))
    return near if abs(near - day) < timedelta(days=6) and near >= booked and chance.random() < 0.4 else day


def _ref(channel: str, number: int, chance: random.Random) -> str:
    if channel in {"GYG", "TRIPDOTCOM"}:
        return _REFS[channel] + "".join(chance.choices(_SIGNS, k=9))
    return f"{_REFS[channel]}{100_000 + number}"


def _one_of(words: Words, chance: random.Random) -> str:
    return chance.choices(words, weights=_WEIGHTS[words])[0][0]
