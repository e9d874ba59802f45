"""Reservation systems with an API: Bokun, OCTO, Rezdy, FareHarbor, Headout, Google.

Source: facts/status_vocabulary.csv, whose own sources stand beside each object.
"""

from bst_domain.values import FulfilmentStatus, PaymentStatus
from bst_domain.vocabulary._meaning import Meaning, Vocabulary

_P, _F = PaymentStatus, FulfilmentStatus

BOKUN: Vocabulary = {
    # Source: xperious/bokun_api BookingStatusEnum.java (old client), other public code
    "booking status": {
        "CART": Meaning(payment=_P.DRAFT),
        "RESERVED": Meaning(payment=_P.PENDING_PAYMENT),
        "PENDING": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION),  # PENDING only seen in search filters
        "CONFIRMED": Meaning(payment=_P.PAID, fulfilment=_F.NEW, caution="PAID only if paidType says so"),
        "TIMEOUT": Meaning(payment=_P.FAILED, fulfilment=_F.CANCELLED),
        "ABORTED": Meaning(payment=_P.FAILED, fulfilment=_F.CANCELLED),
        "CANCELLED": Meaning(fulfilment=_F.CANCELLED),
        "ERROR": Meaning(payment=_P.FAILED, fulfilment=_F.ATTENTION),
    },
    # Source: xperious/bokun_api PaymentPaidTypeEnum.java
    "paymentPaidType": {
        "PAID_IN_FULL": Meaning(payment=_P.PAID),
        "DEPOSIT": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION),
        "FREE": Meaning(payment=_P.PAID),
        "NOT_PAID": Meaning(payment=_P.PENDING_PAYMENT),
        "OVERPAID": Meaning(payment=_P.PAID, fulfilment=_F.ATTENTION),
        "REFUND": Meaning(payment=_P.REFUNDED, fulfilment=_F.ATTENTION),
    },
    # Source: bokun.dev webhook-events
    "webhook topic": {
        "bookings/create": Meaning(
            fulfilment=_F.NEW, caution="topic header may be empty in the HTTP-notification variant"
        ),
        "bookings/update": Meaning(
            fulfilment=_F.UPDATED, caution="topic header may be empty in the HTTP-notification variant"
        ),
        "bookings/cancel": Meaning(
            fulfilment=_F.CANCELLED, caution="topic header may be empty in the HTTP-notification variant"
        ),
    },
    # Source: integrations in public code, balisnap-trip/web
    "mail event": {
        "New booking:": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "Updated booking:": Meaning(fulfilment=_F.UPDATED),
        "Cancelled booking:": Meaning(fulfilment=_F.CANCELLED),
    },
}

OCTO: Vocabulary = {
    # Source: octotravel/typespec lib/models/BookingStatus.tsp; octo-types openapi.yaml
    "Booking.status / UnitItem.status": {
        "ON_HOLD": Meaning(payment=_P.DRAFT),
        "PENDING": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION),
        "CONFIRMED": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "REDEEMED": Meaning(
            payment=_P.PAID, fulfilment=_F.COMPLETED, caution="guest was on the tour; finance not validated"
        ),
        "EXPIRED": Meaning(payment=_P.FAILED, fulfilment=_F.CANCELLED),
        "CANCELLED": Meaning(fulfilment=_F.CANCELLED),
        "REJECTED": Meaning(payment=_P.FAILED, fulfilment=_F.CANCELLED),
    },
    # Source: octotravel/typespec lib/models/BookingStatus.tsp; octo-types openapi.yaml
    "cancellation.refund": {
        "FULL": Meaning(
            payment=_P.REFUNDED, fulfilment=_F.ATTENTION, caution="statement by reseller/supplier, not a payment event"
        ),
        "PARTIAL": Meaning(fulfilment=_F.ATTENTION, caution="statement by reseller/supplier, not a payment event"),
        "NONE": Meaning(caution="statement by reseller/supplier, not a payment event"),
    },
}

REZDY: Vocabulary = {
    # Source: developers.rezdy.com webhooks; TourConnect/ti2-rezdy fixture
    "order status": {
        "PROCESSING": Meaning(payment=_P.PENDING_PAYMENT),
        "PENDING_SUPPLIER": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION),
        "PENDING_CUSTOMER": Meaning(payment=_P.PENDING_PAYMENT),
        "CONFIRMED": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "CANCELLED": Meaning(fulfilment=_F.CANCELLED),
        "NEW": Meaning(payment=_P.DRAFT, caution="verify before use"),
        "ON_HOLD": Meaning(payment=_P.DRAFT, caution="verify before use"),
        "ABANDONED_CART": Meaning(payment=_P.DRAFT, caution="verify before use"),
    },
    # Source: developers.rezdy.com webhooks; TourConnect/ti2-rezdy fixture
    "webhook type": {
        "NEW_ORDER": Meaning(fulfilment=_F.NEW),
        "UPDATED_ORDER": Meaning(fulfilment=_F.UPDATED),
        "CANCELED_ORDER": Meaning(fulfilment=_F.CANCELLED),  # one L
    },
}

FAREHARBOR: Vocabulary = {
    # Source: fareharbor.com/api/external/v1 webhooks; nablabits/fareharbor-webhook sample
    "booking status": {
        "booked": Meaning(payment=_P.PAID, fulfilment=_F.NEW, caution="PAID only if amount_paid >= receipt_total"),
        "rebooked": Meaning(fulfilment=_F.UPDATED),  # old record is replaced by rebooked_to
        "cancelled": Meaning(fulfilment=_F.CANCELLED),
    },
    # Source: fareharbor.com/api/external/v1 webhooks; nablabits/fareharbor-webhook sample
    "customers[].checkin_status.type": {
        "checked-in": Meaning(fulfilment=_F.COMPLETED, caution="NO_SHOW only if all persons are no-show"),
        "no-show": Meaning(fulfilment=_F.NO_SHOW, caution="NO_SHOW only if all persons are no-show"),
    },
}

HEADOUT: Vocabulary = {
    # Source: docs.etera.dev
    "booking status": {
        "UNCAPTURED": Meaning(payment=_P.PENDING_PAYMENT),
        "PENDING": Meaning(payment=_P.PENDING_PAYMENT),
        "COMPLETED": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "CANCELLED": Meaning(fulfilment=_F.CANCELLED),
        "FAILED": Meaning(payment=_P.FAILED),
        "CAPTURE_TIMEDOUT": Meaning(payment=_P.FAILED),
    },
}

GOOGLE: Vocabulary = {
    # Source: Google booking API docs
    "BookingStatus": {
        "CONFIRMED": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "PENDING_MERCHANT_CONFIRMATION": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION),
        "CANCELED": Meaning(fulfilment=_F.CANCELLED),
        "NO_SHOW": Meaning(fulfilment=_F.NO_SHOW),
        "NO_SHOW_PENALIZED": Meaning(fulfilment=_F.NO_SHOW),
        "FAILED": Meaning(payment=_P.FAILED),
        "DECLINED_BY_MERCHANT": Meaning(payment=_P.FAILED, fulfilment=_F.CANCELLED),
    },
}
