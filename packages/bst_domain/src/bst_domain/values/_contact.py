"""Quality of contact data: is this really the guest?

Source of the rules: semantics 3; relay domains from facts/ota-emails.md and facts/messy-data.md 5.1.
"""

import re
from enum import IntEnum, StrEnum
from functools import lru_cache


class Quality(IntEnum):
    """How much a contact value is worth. Rank first, then time: a placeholder never replaces a real value."""

    PLACEHOLDER = 1
    RELAY = 2
    PERSONAL = 3


class EmailKind(StrEnum):
    """How an e-mail address is shown."""

    PERSONAL = "personal"
    RELAY = "relay"
    PLACEHOLDER = "placeholder"
    ABSENT = "absent"


PLACEHOLDER_NAMES = frozenset({"", "guest", "customer", "unknown", "cancelled", "n/a", "na", "-", "test"})
PLACEHOLDER_EMAILS = frozenset({"", "-", "n/a", "na", "unknown", "test@test.com"})
PLACEHOLDER_MAILBOXES = frozenset({"no-email", "cancelled", "noreply", "no-reply", "do-not-reply", "tnt_noreply"})
PLACEHOLDER_DOMAINS = frozenset({"example.com"})
#: These reach the guest through one channel for a limited time; they never recognise a person.
RELAY_DOMAINS = frozenset(
    {
        "reply.getyourguide.com",
        "expmessaging.tripadvisor.com",
        "evpmessaging.tripadvisor.com",
        "expmessaging.viator.com",
        "guest.airbnb.com",
        "guest.booking.com",
    }
)

#: Phones that are asked for within a moment again: when a booking's row is read, folded and shown.
_REMEMBERED_PHONES = 4096
_EMAIL = re.compile(r"[^@\s]+@([^@\s]+\.[^@\s.]+)")
_MIN_PHONE_DIGITS, _MAX_PHONE_DIGITS = 8, 15


def name_quality(name: str | None) -> Quality:
    """An explicit null is a placeholder."""
    return Quality.PLACEHOLDER if (name or "").strip().casefold() in PLACEHOLDER_NAMES else Quality.PERSONAL


def email_quality(email: str | None) -> Quality:
    """Placeholder, relay or personal; letter case and white space around it do not matter."""
    address = (email or "").strip().casefold()
    match = _EMAIL.fullmatch(address)
    if match is None or address in PLACEHOLDER_EMAILS:
        return Quality.PLACEHOLDER
    domain = match[1]
    if domain in PLACEHOLDER_DOMAINS or address.partition("@")[0] in PLACEHOLDER_MAILBOXES:
        return Quality.PLACEHOLDER
    return Quality.RELAY if domain in RELAY_DOMAINS else Quality.PERSONAL


def phone_quality(phone: str | None) -> Quality:
    """Fewer than 8 or more than 15 digits, or one digit over and over, is nobody's number."""
    return _quality_of_phone(phone or "")


@lru_cache(_REMEMBERED_PHONES)
def _quality_of_phone(phone: str) -> Quality:
    digits = _digits(phone)
    plausible = _MIN_PHONE_DIGITS <= len(digits) <= _MAX_PHONE_DIGITS and len(set(digits)) > 1
    return Quality.PERSONAL if plausible else Quality.PLACEHOLDER


def email_kind(email: str | None) -> EmailKind:
    """The kind that the API shows; null is absent rather than a placeholder."""
    if email is None:
        return EmailKind.ABSENT
    return {
        Quality.PERSONAL: EmailKind.PERSONAL,
        Quality.RELAY: EmailKind.RELAY,
        Quality.PLACEHOLDER: EmailKind.PLACEHOLDER,
    }[email_quality(email)]


_E164 = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)
_COUNTRY_LETTERS = re.compile(r"^[A-Za-z]{2}\s*(?=\+)")  # "US+1 (202) ...": the channel puts the country before
_TRUNK_ZERO = re.compile(r"^(\+\d{1,3})\s*\(0\)")
_PHONE_LIKE = re.compile(r"\+?[\d\s()./-]*", re.ASCII)
_NOT_DIGITS = re.compile(r"[^0-9]+")


def phone_e164(phone: str | None) -> str | None:
    """The number in E.164 when it parses: ``00`` is ``+``, a leading ``0`` is Indonesia's ``+62``.

    A number without any prefix stays unparsed: guessing its country would reach a stranger.
    """
    return None if phone is None else _e164_of(phone)


@lru_cache(_REMEMBERED_PHONES)
def _e164_of(phone: str) -> str | None:
    if _quality_of_phone(phone) is Quality.PLACEHOLDER:
        return None
    text = phone.strip()
    if not text.startswith(("+", "0")):
        text = _COUNTRY_LETTERS.sub("", text)
    if "(0)" in text:
        text = _TRUNK_ZERO.sub(r"\1", text)
    if _PHONE_LIKE.fullmatch(text) is None:
        return None
    digits = _digits(text)
    if text.startswith("+"):
        number = f"+{digits}"
    elif digits.startswith("00"):
        number = f"+{digits[2:]}"
    elif digits.startswith("0"):
        number = f"+62{digits[1:]}"
    else:
        return None
    return number if _E164.fullmatch(number) else None


def _digits(text: str) -> str:
    return _NOT_DIGITS.sub("", text)
