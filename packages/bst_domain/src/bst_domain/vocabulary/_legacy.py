"""The operator's own two legacy systems: the web shop and the old admin.

Source: facts/status_vocabulary.csv, whose own sources stand beside each object.
"""

from bst_domain.values import FulfilmentStatus, PaymentStatus
from bst_domain.vocabulary._meaning import SAYS_NOTHING, Meaning, Vocabulary

_P, _F = PaymentStatus, FulfilmentStatus

SHOP: Vocabulary = {
    # Source: balisnap-trip/web balisnap/prisma/schema.prisma
    "Booking.status (free string)": {
        "pending": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.NEW),
        "paid": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "completed": Meaning(payment=_P.PAID, fulfilment=_F.COMPLETED),
        "cancelled": Meaning(
            fulfilment=_F.CANCELLED,
            caution="take the canonical state from the Payment rows; cancelled + paid payment needs a human",
        ),
    },
    # Source: balisnap-trip/web balisnap/prisma/schema.prisma
    "Booking.status_v2 (BookingStatusV2)": {
        "DRAFT": Meaning(payment=_P.DRAFT),
        "PENDING_PAYMENT": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.NEW),
        "PAID": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "CONFIRMED": Meaning(payment=_P.PAID, fulfilment=_F.READY),
        "CANCELLED": Meaning(fulfilment=_F.CANCELLED),
        "COMPLETED": Meaning(payment=_P.PAID, fulfilment=_F.COMPLETED),
        "EXPIRED": Meaning(payment=_P.FAILED, fulfilment=_F.CANCELLED),
        "REFUNDED": Meaning(payment=_P.REFUNDED, fulfilment=_F.CANCELLED),
    },
    # Source: balisnap-trip/web balisnap/prisma/schema.prisma
    "Payment.payment_status (free string)": {
        "pending": Meaning(payment=_P.PENDING_PAYMENT, caution="mixed case in one column"),
        "COMPLETED": Meaning(payment=_P.PAID, caution="mixed case in one column"),
    },
    # Source: balisnap-trip/web balisnap/prisma/schema.prisma
    "Payment.payment_status_v2": {
        "PENDING": Meaning(payment=_P.PENDING_PAYMENT),
        "AUTHORIZED": Meaning(payment=_P.PENDING_PAYMENT),
        "COMPLETED": Meaning(payment=_P.PAID),
        "FAILED": Meaning(payment=_P.FAILED),
        "CANCELLED": Meaning(payment=_P.FAILED),
        "REFUNDED": Meaning(payment=_P.REFUNDED),
        "PARTIALLY_REFUNDED": Meaning(payment=_P.PAID, fulfilment=_F.ATTENTION),
    },
}

ADMIN: Vocabulary = {
    # Source: balisnap-trip/web bstadmin/prisma/schema.prisma (+ bstadmin/scripts/migrate-booking-statuses.sql)
    "Booking.status": {
        "NEW": Meaning(fulfilment=_F.NEW, caution="already the ops vocabulary"),
        "READY": Meaning(fulfilment=_F.READY, caution="already the ops vocabulary"),
        "ATTENTION": Meaning(fulfilment=_F.ATTENTION, caution="already the ops vocabulary"),
        "COMPLETED": Meaning(fulfilment=_F.COMPLETED, caution="already the ops vocabulary"),
        "DONE": Meaning(fulfilment=_F.DONE, caution="already the ops vocabulary"),
        "UPDATED": Meaning(fulfilment=_F.UPDATED, caution="already the ops vocabulary"),
        "CANCELLED": Meaning(fulfilment=_F.CANCELLED, caution="already the ops vocabulary"),
        "NO_SHOW": Meaning(fulfilment=_F.NO_SHOW, caution="already the ops vocabulary"),
    },
    # Source: balisnap-trip/web bstadmin/prisma/schema.prisma (+ bstadmin/scripts/migrate-booking-statuses.sql)
    "BookingEmail.relationType": {
        "CREATED": SAYS_NOTHING,
        "UPDATED": SAYS_NOTHING,
        "CANCELLED": SAYS_NOTHING,
    },
    # Source: balisnap-trip/web bstadmin/prisma/schema.prisma (+ bstadmin/scripts/migrate-booking-statuses.sql)
    "EmailJob.status": {
        "PENDING": SAYS_NOTHING,  # job state, not a booking state
        "PROCESSING": SAYS_NOTHING,  # job state, not a booking state
        "COMPLETED": SAYS_NOTHING,  # job state, not a booking state
        "FAILED": SAYS_NOTHING,  # job state, not a booking state
    },
}

ADMIN_BEFORE_RENAMING: Vocabulary = {
    # Source: balisnap-trip/web bstadmin/prisma/schema.prisma (+ bstadmin/scripts/migrate-booking-statuses.sql)
    "Booking.status before migration": {
        "PENDING": Meaning(fulfilment=_F.NEW, caution="old COMPLETED is DONE, not COMPLETED"),
        "CONFIRMED": Meaning(fulfilment=_F.READY, caution="old COMPLETED is DONE, not COMPLETED"),
        "COMPLETED": Meaning(fulfilment=_F.DONE, caution="old COMPLETED is DONE, not COMPLETED"),
    },
}
