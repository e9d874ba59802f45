"""PayPal: orders, captures, refunds, authorisations and webhook events, API v2 and v1.

Source: facts/status_vocabulary.csv, whose own sources stand beside each object.
"""

from bst_domain.values import FulfilmentStatus, PaymentStatus
from bst_domain.vocabulary._meaning import Meaning, Vocabulary

_P, _F = PaymentStatus, FulfilmentStatus

PAYPAL: Vocabulary = {
    # Source: paypal-rest-api-specifications openapi/checkout_orders_v2.json
    "order.status": {
        "CREATED": Meaning(payment=_P.PENDING_PAYMENT),  # order created
        "SAVED": Meaning(payment=_P.PENDING_PAYMENT),  # order saved for later
        "APPROVED": Meaning(payment=_P.PENDING_PAYMENT, caution="lapses unless captured"),
        "PAYER_ACTION_REQUIRED": Meaning(payment=_P.PENDING_PAYMENT),  # buyer must act (3DS etc.)
        "VOIDED": Meaning(payment=_P.FAILED),  # all purchase units voided
        "COMPLETED": Meaning(caution="NOT proof of payment: read captures[].status"),
    },
    # Source: paypal-rest-api-specifications openapi/payments_payment_v2.json
    "capture.status": {
        "COMPLETED": Meaning(payment=_P.PAID),  # funds credited
        "PENDING": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION),
        "DECLINED": Meaning(payment=_P.FAILED, fulfilment=_F.ATTENTION, caution="event name is PAYMENT.CAPTURE.DENIED"),
        "FAILED": Meaning(payment=_P.FAILED, fulfilment=_F.ATTENTION),  # error while capturing
        "PARTIALLY_REFUNDED": Meaning(payment=_P.PAID, fulfilment=_F.ATTENTION, caution="no canonical partial state"),
        "REFUNDED": Meaning(payment=_P.REFUNDED, fulfilment=_F.ATTENTION),  # >= captured was refunded
    },
    # Source: paypal-rest-api-specifications openapi/payments_payment_v2.json
    "refund.status": {
        "COMPLETED": Meaning(
            payment=_P.REFUNDED,
            fulfilment=_F.ATTENTION,
            caution="only if total_refunded_amount = captured; else stays PAID",
        ),
        "PENDING": Meaning(fulfilment=_F.ATTENTION),  # refund under way
        "FAILED": Meaning(fulfilment=_F.ATTENTION),  # refund failed
        "CANCELLED": Meaning(fulfilment=_F.ATTENTION),  # refund cancelled
    },
    # Source: paypal-rest-api-specifications openapi/payments_payment_v2.json
    "authorization.status": {
        "CREATED": Meaning(caution="shop uses intent CAPTURE: not expected"),
        "CAPTURED": Meaning(caution="shop uses intent CAPTURE: not expected"),
        "DENIED": Meaning(caution="shop uses intent CAPTURE: not expected"),
        "PARTIALLY_CAPTURED": Meaning(caution="shop uses intent CAPTURE: not expected"),
        "VOIDED": Meaning(caution="shop uses intent CAPTURE: not expected"),
        "PENDING": Meaning(caution="shop uses intent CAPTURE: not expected"),
    },
    # Source: developer.paypal.com/api/rest/webhooks/event-names; payloads in samples/webhooks/paypal_*
    "webhook event_type": {
        "CHECKOUT.ORDER.APPROVED": Meaning(payment=_P.PENDING_PAYMENT, caution="may already embed a COMPLETED capture"),
        "CHECKOUT.ORDER.COMPLETED": Meaning(caution="capture inside may be DECLINED"),
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED": Meaning(payment=_P.FAILED, fulfilment=_F.ATTENTION),
        "PAYMENT.CAPTURE.COMPLETED": Meaning(payment=_P.PAID),
        "PAYMENT.CAPTURE.PENDING": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION),
        "PAYMENT.CAPTURE.DENIED": Meaning(payment=_P.FAILED, fulfilment=_F.ATTENTION),  # capture.status DECLINED
        "PAYMENT.CAPTURE.DECLINED": Meaning(
            payment=_P.FAILED, fulfilment=_F.ATTENTION, caution="accept both spellings"
        ),
        "PAYMENT.CAPTURE.REFUNDED": Meaning(
            payment=_P.REFUNDED, fulfilment=_F.ATTENTION, caution="if cumulative = captured"
        ),
        "PAYMENT.CAPTURE.REVERSED": Meaning(payment=_P.REFUNDED, fulfilment=_F.ATTENTION, caution="money taken back"),
        "PAYMENT.REFUND.PENDING": Meaning(fulfilment=_F.ATTENTION),
        "PAYMENT.REFUND.FAILED": Meaning(fulfilment=_F.ATTENTION),
        "CUSTOMER.DISPUTE.CREATED": Meaning(fulfilment=_F.ATTENTION, caution="payment state unchanged"),
        "CUSTOMER.DISPUTE.UPDATED": Meaning(fulfilment=_F.ATTENTION),
        "CUSTOMER.DISPUTE.RESOLVED": Meaning(fulfilment=_F.ATTENTION),
    },
    # Source: balisnap-trip/web balisnap webhook handler (no-op)
    "webhook event_type (V1)": {
        "PAYMENT.SALE.COMPLETED": Meaning(fulfilment=_F.ATTENTION, caution="V1 shape, no booking ref"),
        "PAYMENT.SALE.DENIED": Meaning(fulfilment=_F.ATTENTION, caution="V1 shape, no booking ref"),
    },
}
