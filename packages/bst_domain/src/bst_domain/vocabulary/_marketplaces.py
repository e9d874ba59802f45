"""Marketplaces that mostly write mails: the subject is the event. ``…`` stands for any text.

Source: facts/status_vocabulary.csv, whose own sources stand beside each object.
"""

from bst_domain.values import FulfilmentStatus, PaymentStatus
from bst_domain.vocabulary._meaning import Meaning, Vocabulary

_P, _F = PaymentStatus, FulfilmentStatus
_ERROR_REPLY = Meaning(caution="not a booking status")

GETYOURGUIDE: Vocabulary = {
    # Source: mail subjects: odilorg/jahongirnewapp, erenhooman31/ticketmirror, other public code
    "mail event": {
        "Booking - S… - GYG…": Meaning(payment=_P.PAID, fulfilment=_F.NEW, caution="guest paid GYG"),
        "Urgent: New booking received - …": Meaning(payment=_P.PAID, fulfilment=_F.ATTENTION),  # new, last minute
        "Booking detail change: - …": Meaning(fulfilment=_F.UPDATED),  # date / pickup / pax changed
        "A booking has been canceled - …": Meaning(fulfilment=_F.CANCELLED, caution="refund decided by GYG"),
        "Urgente: nueva reserva recibida - …": Meaning(payment=_P.PAID, fulfilment=_F.ATTENTION),  # the same in Spanish
        "Cambio en los datos de la reserva - …": Meaning(fulfilment=_F.UPDATED),
        "Se ha cancelado una reserva - …": Meaning(fulfilment=_F.CANCELLED, caution="refund decided by GYG"),
    },
    # Source: integrations in public code
    "supplier API errorCode": {
        "AUTHORIZATION_FAILURE": _ERROR_REPLY,
        "INVALID_PRODUCT": _ERROR_REPLY,
        "VALIDATION_FAILURE": _ERROR_REPLY,
        "INTERNAL_SYSTEM_FAILURE": _ERROR_REPLY,
        "NO_AVAILABILITY": _ERROR_REPLY,
        "INVALID_TICKET_CATEGORY": _ERROR_REPLY,
        "INVALID_PARTICIPANTS_CONFIGURATION": _ERROR_REPLY,
        "INVALID_RESERVATION": _ERROR_REPLY,
        "INVALID_BOOKING": _ERROR_REPLY,
        "BOOKING_REDEEMED": _ERROR_REPLY,
        "BOOKING_IN_PAST": _ERROR_REPLY,
        "BOOKING_ALREADY_CANCELLED": _ERROR_REPLY,
    },
}

KLOOK: Vocabulary = {
    # Source: integrations in public code
    "mail event": {
        "Klook Order Received": Meaning(
            payment=_P.PENDING_PAYMENT, fulfilment=_F.ATTENTION
        ),  # supplier must confirm availability
        "Klook order confirmed": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "Klook order canceled": Meaning(fulfilment=_F.CANCELLED),
        "…부분 취소": Meaning(fulfilment=_F.UPDATED),  # partial cancel: some units cancelled
    },
}

AIRBNB: Vocabulary = {
    # Source: integrations in public code
    "mail event": {
        "Confirmed: … booked your experience": Meaning(payment=_P.PAID, fulfilment=_F.NEW),
        "… canceled their reservation": Meaning(fulfilment=_F.CANCELLED),
    },
}

TRIPDOTCOM: Vocabulary = {
    # Source: balisnap-trip/web bstadmin parser
    "mail event": {
        "New booking reminder … order no.…": Meaning(payment=_P.PAID, fulfilment=_F.NEW),  # only event known publicly
    },
}

TRIPSTER: Vocabulary = {
    # Source: erenhooman31/ticketmirror
    "mail event": {
        "automatically confirmed but has not yet been paid": Meaning(
            payment=_P.PENDING_PAYMENT, fulfilment=_F.NEW, caution="confirmed and unpaid at once"
        ),
    },
}
