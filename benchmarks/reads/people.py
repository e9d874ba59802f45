"""Guests as they come: a few names that many have, many that few have, addresses of relays, phones of a dozen countries."""

import random
from collections.abc import Sequence
from itertools import accumulate

from attrs import frozen

FIRST = (
    "Maria", "Anna", "Michael", "Thomas", "Sarah", "Laura", "David", "Julia", "Daniel", "Emma", "Peter", "Sophie",
    "Martin", "Lisa", "Andreas", "Nina", "José", "Zoë", "Máire", "Kadek", "Wayan", "Made", "Nguyễn", "Thị", "Søren",
    "Łukasz", "Chloé", "Renée", "Björn", "Jürgen", "Ines", "Paul", "Eva", "Marco", "Luca", "Elena", "Olga", "Ivan",
    "Yuki", "Haruto", "Priya", "Arjun", "Wei", "Mei",
)  # fmt: skip
LAST = (
    "Müller", "Schmidt", "Smith", "Jones", "García", "Brandstätter", "Núñez", "Rossi", "Nowak", "Johansson",
    "O'Brien", "Tanaka", "Kim", "Singh", "Surya", "Nielsen",
)  # fmt: skip
_BEGIN = (
    "bar", "bel", "cor", "dal", "fen", "gar", "hol", "kel", "lan", "mor", "nor", "pel", "ros", "sal", "tor", "van",
    "wes", "zan",
)  # fmt: skip
_MIDDLE = (
    "a", "e", "i", "o", "u", "an", "en", "in", "on", "un", "ar", "er", "or",
)  # fmt: skip
_END = (
    "berg", "mann", "son", "ski", "ley", "ton", "ham", "feld", "stein", "wood", "ova", "ini", "ez",
)  # fmt: skip
_CODES = ("+62812", "+4917", "+447", "+3361", "+3934", "+6141", "+1415", "+8190", "+3462", "+3161", "+4670", "+8210")
_DOMAINS = ("gmail.com", "mail.example.org", "web.example.de", "hotmail.example.com", "icloud.example.com")


@frozen(kw_only=True)
class Guest:
    """What a channel says of whoever booked."""

    name: str
    email: str
    phone: str | None
    phone_e164: str | None


def falling(many: int) -> list[float]:
    """Cumulative weights by rank: the first is twice as frequent as the second, and so on."""
    return list(accumulate(1 / rank for rank in range(1, many + 1)))


_FIRST_WEIGHTS, _LAST_WEIGHTS, _DOMAIN_WEIGHTS = falling(len(FIRST)), falling(len(LAST)), falling(len(_DOMAINS))


def guest(channel: str, chance: random.Random) -> Guest:
    """One more guest of this channel."""
    first = one(FIRST, _FIRST_WEIGHTS, chance)
    rare = chance.random() < 0.85
    last = (
        (chance.choice(_BEGIN) + chance.choice(_MIDDLE) + chance.choice(_BEGIN) + chance.choice(_END)).capitalize()
        if rare
        else one(LAST, _LAST_WEIGHTS, chance)
    )
    relayed = channel in {"GYG", "VIATOR"} and chance.random() < 0.8
    domain = "reply.getyourguide.com" if relayed else one(_DOMAINS, _DOMAIN_WEIGHTS, chance)
    box = f"customer-{chance.getrandbits(48):012x}" if relayed else f"{first}.{last}{chance.randrange(1000)}".lower()
    phone = f"{chance.choice(_CODES)}{chance.randrange(10**8):08d}" if chance.random() < 0.8 else None
    return Guest(name=f"{first} {last}", email=f"{box}@{domain}", phone=phone, phone_e164=phone)


def one(words: Sequence[str], cumulative: list[float], chance: random.Random) -> str:
    """One of the words, by their weights."""
    return chance.choices(words, cum_weights=cumulative)[0]
