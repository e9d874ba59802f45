"""The words for where a booking and its money stand.

Source: the target schema's enumerations (customer_payment_status, ops_fulfillment_status) and semantics 4.
"""

from enum import StrEnum


class PaymentKind(StrEnum):
    """What a provider's word means for the money."""

    CAPTURED = "captured"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    PENDING = "pending"
    FAILED = "failed"
    VOIDED = "voided"


class PaymentStatus(StrEnum):
    """customer_payment_status of a booking."""

    DRAFT = "DRAFT"
    PENDING_PAYMENT = "PENDING_PAYMENT"
    PAID = "PAID"
    FAILED = "FAILED"
    REFUNDED = "REFUNDED"


class FulfilmentStatus(StrEnum):
    """ops_fulfillment_status of a booking: where it stands for the people who run the tour."""

    NEW = "NEW"
    READY = "READY"
    ATTENTION = "ATTENTION"
    COMPLETED = "COMPLETED"
    DONE = "DONE"
    UPDATED = "UPDATED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"
