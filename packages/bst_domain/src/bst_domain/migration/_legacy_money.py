"""The money that the shop's payment rows report, as facts, and the old admin's word where they prove nothing.

Source of the rules: semantics 9, the legacy data's readings 10 to 12.
"""

from uuid import UUID

from bst_domain.booking import PaymentFact
from bst_domain.migration._backfill import LegacyPaymentRow, legacy_payment_facts, weak_capture
from bst_domain.migration._legacy_case import (
    LegacyCase,
    header_status,
    party_and_total,
    reading_of,
    survivor_evidence,
)
from bst_domain.migration._legacy_rows import LegacyPaid
from bst_domain.migration._rejecting import active_items, is_sane_amount
from bst_domain.values import CENT, PaymentKind, PaymentStatus, shop_payment_key


def payment_facts(case: LegacyCase) -> tuple[PaymentFact, ...]:
    """The money that all rows of the case report; with the surviving header's claim where nothing else says paid.

    Only direct bookings are paid in the shop.
    """
    facts = [
        fact
        for row in case.rows
        for paid in row.payments
        if is_sane_amount(paid.amount)
        for fact in legacy_payment_facts(payment_row(paid), _key(paid))
    ]
    header = case.survivor
    captured = any(fact.kind is PaymentKind.CAPTURED for fact in facts)
    if not facts or captured or header_status(header) is not PaymentStatus.PAID:
        return tuple(facts)
    _, _, _, total = party_and_total(header, active_items(header))
    claim = weak_capture(
        amount=max(total.amount, CENT),
        currency=total.currency,
        paid_at=header.updated_at,
        evidence=survivor_evidence(case),
    )
    return (*facts, claim)


def _key(paid: LegacyPaid) -> UUID:
    return shop_payment_key(paid.payment_id)


def payment_row(paid: LegacyPaid) -> LegacyPaymentRow:
    """A payment row with its words read. The provider is the gateway, else what the method's words say."""
    order = _known(paid.order_id)
    return LegacyPaymentRow(
        payment_id=paid.payment_id,
        payment=reading_of(paid).payment,
        raw_status=raw_status(paid),
        amount=paid.amount.quantize(CENT),
        currency=paid.currency.strip().upper(),
        paid_at=paid.paid_at,
        reference=_known(paid.capture_id) or order or _known(paid.payment_ref),
        order_id=order,
        own_name=_known(paid.payment_ref),
        provider=(_known(paid.gateway) or payment_method(paid.method)).upper()[:64],
    )


def raw_status(paid: LegacyPaid) -> str:
    """Both words as stored, ``{payment_status}|{payment_status_v2}``; 64 characters at most."""
    return f"{paid.status}|{paid.status_v2 or ''}"[:64]


def payment_method(method: str) -> str:
    """PAYPAL, BANK_TRANSFER or CARD by what the text contains, UNKNOWN when blank, else its first 32 characters."""
    folded = method.strip().upper()
    for part, name in (("PAYPAL", "PAYPAL"), ("BANK", "BANK_TRANSFER"), ("CARD", "CARD")):
        if part in folded:
            return name
    return folded[:32] or "UNKNOWN"


def _known(text: str | None) -> str | None:
    return (text or "").strip()[:128] or None
