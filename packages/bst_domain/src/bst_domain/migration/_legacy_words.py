"""What the words in legacy rows mean, as far as back-fill needs it.

Source of the rules: semantics 9 and the legacy data's readings 10 and 12. Unlike on the live wire an unknown word is PENDING
and listed by name: nobody can ask an old row again.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen

from bst_domain.values import PaymentStatus, Quality, phone_e164, phone_quality


class LegacyPayment(StrEnum):
    """What a legacy payment row says."""

    PAID = "PAID"
    PENDING = "PENDING"
    FAILED = "FAILED"
    REFUNDED = "REFUNDED"
    PARTIAL = "PARTIAL"
    REVERSED = "REVERSED"


_L = LegacyPayment
#: payment_status, folded by ``fold_word``. The enumeration payment_status_v2 decides first, where it decides at all.
LEGACY_PAYMENT_WORDS: Mapping[str, LegacyPayment] = {
    **dict.fromkeys(("PAID", "COMPLETED", "CAPTURED", "SUCCESS", "CONFIRMED"), _L.PAID),
    **dict.fromkeys(("PENDING", "WAITING", "CREATED", "PENDING_PAYMENT", "PROCESSING", "AUTHORIZED"), _L.PENDING),
    **dict.fromkeys(("FAILED", "CANCELLED", "CANCELED", "DENIED"), _L.FAILED),
    **dict.fromkeys(("REVERSED", "REVERSAL", "CHARGEBACK"), _L.REVERSED),
    "REFUNDED": _L.REFUNDED,
    "PARTIALLY_REFUNDED": _L.PARTIAL,
}
#: PENDING and AUTHORIZED are missing on purpose: an old migration wrote them for every spelling it did not know.
_PAYMENT_V2: Mapping[str, LegacyPayment] = {
    "COMPLETED": _L.PAID,
    "FAILED": _L.FAILED,
    "CANCELLED": _L.FAILED,
    "REFUNDED": _L.REFUNDED,
    "PARTIALLY_REFUNDED": _L.PARTIAL,
}
#: A DRAFT stands against any legacy word; EXPIRED and PENDING_PAYMENT yield to it.
_HEADER_V2: Mapping[str, PaymentStatus] = {
    "PAID": PaymentStatus.PAID,
    "CONFIRMED": PaymentStatus.PAID,
    "COMPLETED": PaymentStatus.PAID,
    "REFUNDED": PaymentStatus.REFUNDED,
    "CANCELLED": PaymentStatus.FAILED,
    "DRAFT": PaymentStatus.DRAFT,
}
_HEADER_WORDS: Mapping[str, PaymentStatus] = {
    **dict.fromkeys(("PAID", "COMPLETED", "CAPTURED", "SUCCESS", "CONFIRMED"), PaymentStatus.PAID),
    **dict.fromkeys(("FAILED", "CANCELLED", "CANCELED"), PaymentStatus.FAILED),
    "REFUNDED": PaymentStatus.REFUNDED,
}
_NOT_WORD = re.compile(r"[^A-Z0-9]+")
_NOT_DIGITS = re.compile(r"[^0-9]+")


@frozen
class LegacyPaymentReading:
    """``known`` is False for a word that nobody has mapped: read as PENDING, and to be listed by name."""

    payment: LegacyPayment
    known: bool


def fold_word(word: str | None) -> str:
    """Upper case, everything but letters and digits as one ``_``, none at the ends."""
    return _NOT_WORD.sub("_", (word or "").upper()).strip("_")


def read_legacy_payment(word: str | None, v2: str | None) -> LegacyPaymentReading:
    """What payment_status and payment_status_v2 of a row say together. A blank word is a known PENDING, ``??`` is not."""
    decisive = _PAYMENT_V2.get(v2 or "")
    if decisive is not None:
        return LegacyPaymentReading(decisive, known=True)
    found = LEGACY_PAYMENT_WORDS.get(fold_word(word))
    return LegacyPaymentReading(found or _L.PENDING, known=found is not None or not (word or "").strip())


def read_legacy_header(word: str | None, v2: str | None) -> PaymentStatus:
    """What status and status_v2 of a shop booking say of its payment, where there is no payment row."""
    decisive = _HEADER_V2.get(v2 or "")
    return decisive or _HEADER_WORDS.get(fold_word(word), PaymentStatus.PENDING_PAYMENT)


def is_legacy_cancelled(word: str | None, v2: str | None) -> bool:
    """Whether a shop booking is cancelled. Any decisive status_v2 stands against the word."""
    if v2 in {"PAID", "CONFIRMED", "COMPLETED", "REFUNDED", "EXPIRED", "CANCELLED"}:
        return v2 == "CANCELLED"
    return fold_word(word) in {"CANCELLED", "CANCELED"}


def tidy(text: str) -> str:
    """White space collapsed, none at the ends."""
    return " ".join(text.split())


def legacy_phone(raw: str) -> str | None:
    """The number as given where it parses, its E.164 form where only a person could tell (``62…``, ``AU+61…``).

    Text before a ``+`` is dropped and bare digits get one: unlike on the live wire they are known to have been international.
    """
    text = tidy(raw)
    if not text or phone_e164(text) is not None or phone_quality(text) is Quality.PLACEHOLDER:
        return text or None
    digits = _NOT_DIGITS.sub("", text)
    number = f"+{digits}"
    return number if phone_e164(number) is not None else text
