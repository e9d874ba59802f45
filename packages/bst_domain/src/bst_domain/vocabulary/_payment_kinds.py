"""What a provider's word for a payment means for the money.

Source of the rules: semantics 4 (six kinds), event v1 ("payment of a shop event"), facts/webhook-payloads.md 2.1. An unknown
word is a typed outcome, never a default: the event becomes a dead letter that names it.
"""

from collections.abc import Mapping

from attrs import frozen

from bst_domain.values import PaymentKind

_ORDER: Mapping[str, PaymentKind] = {
    "CREATED": PaymentKind.PENDING,
    "SAVED": PaymentKind.PENDING,
    "APPROVED": PaymentKind.PENDING,
    "PAYER_ACTION_REQUIRED": PaymentKind.PENDING,
    "VOIDED": PaymentKind.VOIDED,
    # COMPLETED says only that captures exist: see their own status.
}
_CAPTURE: Mapping[str, PaymentKind] = {
    "COMPLETED": PaymentKind.CAPTURED,
    "PENDING": PaymentKind.PENDING,
    "DECLINED": PaymentKind.FAILED,
    "FAILED": PaymentKind.FAILED,
    # A state of the capture, not of a refund: the money came, and some of it went back.
    "PARTIALLY_REFUNDED": PaymentKind.CAPTURED,
    "REFUNDED": PaymentKind.REFUNDED,
}
#: Provider, upper case -> the provider's word, upper case -> kind. The words that events state, orders' and captures' alike.
PAYMENT_WORDS: Mapping[str, Mapping[str, PaymentKind]] = {
    "PAYPAL": {**_ORDER, **_CAPTURE, "DENIED": PaymentKind.FAILED, "REVERSED": PaymentKind.REVERSED},
}

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
    """The kind of a payment that an event states. Letter case does not matter; nothing else is forgiven."""
    kind = PAYMENT_WORDS.get(provider.upper(), {}).get(word.upper())
    return UnknownPaymentWord(provider.upper(), word) if kind is None else kind


@frozen
class NoMoneyMoved:
    """The webhook is known and says nothing of the money: a refund under way, a dispute, an order whose captures decide."""


_NO_MONEY = NoMoneyMoved()
_UNDONE: Mapping[str, NoMoneyMoved] = {"PENDING": _NO_MONEY, "FAILED": _NO_MONEY, "CANCELLED": _NO_MONEY}
_REFUND: Mapping[str, PaymentKind | NoMoneyMoved] = {"COMPLETED": PaymentKind.REFUNDED, **_UNDONE}
_REVERSAL: Mapping[str, PaymentKind | NoMoneyMoved] = {"COMPLETED": PaymentKind.REVERSED, **_UNDONE}
# Approved but not captured in time: whatever the order says, it is over.
_LAPSED: Mapping[str, PaymentKind | NoMoneyMoved] = dict.fromkeys((*_ORDER, "COMPLETED"), PaymentKind.VOIDED)
#: Event type -> status of its resource -> kind. A refund webhook says COMPLETED, too, so the status alone never decides.
PAYPAL_WEBHOOKS: Mapping[str, Mapping[str, PaymentKind | NoMoneyMoved]] = {
    "CHECKOUT.ORDER.APPROVED": {**_ORDER, "COMPLETED": _NO_MONEY},
    "CHECKOUT.ORDER.COMPLETED": {**_ORDER, "COMPLETED": _NO_MONEY},
    "CHECKOUT.PAYMENT-APPROVAL.REVERSED": _LAPSED,
    "PAYMENT.CAPTURE.COMPLETED": _CAPTURE,
    "PAYMENT.CAPTURE.PENDING": _CAPTURE,
    "PAYMENT.CAPTURE.DENIED": _CAPTURE,
    "PAYMENT.CAPTURE.DECLINED": _CAPTURE,  # both spellings are documented
    "PAYMENT.CAPTURE.REFUNDED": _REFUND,
    "PAYMENT.CAPTURE.REVERSED": _REVERSAL,
    "PAYMENT.REFUND.PENDING": _REFUND,
    "PAYMENT.REFUND.FAILED": _REFUND,
}
#: Events that a person should see and that move no money here: disputes, and API v1, which names no booking.
PAYPAL_NOTICES = frozenset(
    {
        "CUSTOMER.DISPUTE.CREATED",
        "CUSTOMER.DISPUTE.UPDATED",
        "CUSTOMER.DISPUTE.RESOLVED",
        "PAYMENT.SALE.COMPLETED",
        "PAYMENT.SALE.DENIED",
    }
)


def paypal_webhook_kind(event_type: str, resource_status: str) -> PaymentKind | NoMoneyMoved | UnknownPaymentWord:
    """What a PayPal webhook says of the money, by event type and the status of its resource (capture, refund or order)."""
    event = event_type.upper()
    if event in PAYPAL_NOTICES:
        return _NO_MONEY
    statuses = PAYPAL_WEBHOOKS.get(event)
    if statuses is None:
        return UnknownPaymentWord("PAYPAL", event_type)
    kind = statuses.get(resource_status.upper())
    return UnknownPaymentWord("PAYPAL", f"{event_type} {resource_status}") if kind is None else kind
