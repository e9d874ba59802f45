"""Providers' words for the state of a payment, and what they mean.

Source: contracts (event v1, "payment of a shop event") and facts/status_vocabulary.csv. An unknown word is a typed
outcome, never a default: the event becomes a dead letter that names it.
"""

from collections.abc import Mapping

from attrs import frozen

from bst_domain.values import PaymentKind

_PAYPAL: Mapping[str, PaymentKind] = {
    "COMPLETED": PaymentKind.CAPTURED,
    # A state of the capture, not of a refund: the money came, and some of it went back.
    "PARTIALLY_REFUNDED": PaymentKind.CAPTURED,
    "REFUNDED": PaymentKind.REFUNDED,
    "REVERSED": PaymentKind.REVERSED,
    "CREATED": PaymentKind.PENDING,
    "SAVED": PaymentKind.PENDING,
    "APPROVED": PaymentKind.PENDING,
    "PAYER_ACTION_REQUIRED": PaymentKind.PENDING,
    "PENDING": PaymentKind.PENDING,
    "DECLINED": PaymentKind.FAILED,
    "DENIED": PaymentKind.FAILED,
    "FAILED": PaymentKind.FAILED,
    "VOIDED": PaymentKind.VOIDED,
}

#: Provider, upper case -> the provider's word, upper case -> kind.
PAYMENT_WORDS: Mapping[str, Mapping[str, PaymentKind]] = {"PAYPAL": _PAYPAL}

PARTIAL_RETURN_WORDS = frozenset({("PAYPAL", "PARTIALLY_REFUNDED")})


@frozen
class UnknownPaymentWord:
    """Nobody has said yet what this provider means by this."""

    provider: str
    word: str

    def __str__(self) -> str:
        if self.provider not in PAYMENT_WORDS:
            return f"unknown payment provider {self.provider!r} (known: {', '.join(sorted(PAYMENT_WORDS))})"
        return f"unknown payment status {self.word!r} of {self.provider}"


def payment_kind(provider: str, word: str) -> PaymentKind | UnknownPaymentWord:
    """Letter case does not matter; nothing else is forgiven."""
    kind = PAYMENT_WORDS.get(provider.upper(), {}).get(word.upper())
    return UnknownPaymentWord(provider.upper(), word) if kind is None else kind
