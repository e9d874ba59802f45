"""Viator: mails, the partner API and the reservation-system API.

Source: facts/status_vocabulary.csv, whose own sources stand beside each object.
"""

from bst_domain.values import FulfilmentStatus, PaymentStatus
from bst_domain.vocabulary._meaning import SAYS_NOTHING, Meaning, Vocabulary

_P, _F = PaymentStatus, FulfilmentStatus

VIATOR: Vocabulary = {
    # Source: mail subjects: odilorg tests/Fixtures/Viator, ticketmirror, other public code
    "mail event": {
        "New Booking for … (#BR-…)": Meaning(payment=_P.PAID, fulfilment=_F.NEW, caution="net rate owed by Viator"),
        "Action Required: New Booking for …": Meaning(
            payment=_P.PAID, fulfilment=_F.NEW
        ),  # confirmed, add to your system
        "URGENT Booking Request: Please Respond: …": Meaning(
            payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION, caution="accept or reject"
        ),
        "Confirmed Booking: …": Meaning(payment=_P.PAID, fulfilment=_F.NEW, caution="unverified"),
        "Amended Booking: … (#BR-…)": Meaning(fulfilment=_F.UPDATED),  # change done
        "Please Respond: Amendment Request for Booking: …": Meaning(
            fulfilment=_F.ATTENTION, caution="do not move the booking"
        ),
        "Tripadvisor Experiences Amendment: BR-…": Meaning(fulfilment=_F.UPDATED),  # change done by an agent
        "Cancelled Booking: …": Meaning(fulfilment=_F.CANCELLED, caution="no reference in the subject"),
        "Canceled Booking: …": Meaning(fulfilment=_F.CANCELLED, caution="no reference in the subject"),
    },
    # Source: Viator Partner API v2 (api-evangelist/viator)
    "partner booking status": {
        "CONFIRMED": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "PENDING": Meaning(payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION),
        "IN_PROGRESS": Meaning(payment=_P.PENDING_PAYMENT),
        "ON_HOLD": Meaning(payment=_P.DRAFT),
        "REJECTED": Meaning(payment=_P.FAILED, fulfilment=_F.CANCELLED),
        "FAILED": Meaning(payment=_P.FAILED, fulfilment=_F.CANCELLED),
        "CANCELED": Meaning(fulfilment=_F.CANCELLED),  # one L
    },
    # Source: Viator Partner API v2 (api-evangelist/viator)
    "partner amendmentStatus": {
        "AMENDED": Meaning(fulfilment=_F.UPDATED),  # latest amendment only
        "REJECTED": SAYS_NOTHING,  # latest amendment only
        "PENDING": Meaning(fulfilment=_F.ATTENTION),  # latest amendment only
    },
    # Source: Viator Partner API v2 (api-evangelist/viator)
    "partner cancellation status": {
        "ACCEPTED": Meaning(fulfilment=_F.CANCELLED),
        "DECLINED": SAYS_NOTHING,
    },
    # Source: Viator Partner API v2 (api-evangelist/viator)
    "partner cancel-quote status": {
        "CANCELLABLE": SAYS_NOTHING,
        "CANCELLED": SAYS_NOTHING,
        "NOT_CANCELLABLE": SAYS_NOTHING,
    },
    # Source: Viator Partner API v2 (api-evangelist/viator)
    "partner eventType (modified-since)": {
        "CONFIRMATION": Meaning(fulfilment=_F.NEW),
        "REJECTION": Meaning(fulfilment=_F.CANCELLED),
        "AMENDMENT": Meaning(fulfilment=_F.UPDATED),
        "CANCELLATION": Meaning(fulfilment=_F.CANCELLED),
        "CUSTOMER_CANCELLATION": Meaning(fulfilment=_F.CANCELLED),
    },
    # Source: Viator reservation-system API (api-evangelist/viator)
    "supplier TransactionStatus": {
        "CONFIRMED": SAYS_NOTHING,  # our answer to Viator
        "REJECTED": SAYS_NOTHING,  # our answer to Viator
        "PENDING": SAYS_NOTHING,  # our answer to Viator
    },
    # Source: Viator reservation-system API (api-evangelist/viator)
    "supplier RequestStatus": {
        "SUCCESS": SAYS_NOTHING,  # transport-level
        "ERROR": SAYS_NOTHING,  # transport-level
    },
}
