"""Other systems' words for bookings and payments, and what they mean here."""

from bst_domain.vocabulary._legacy import ADMIN, ADMIN_BEFORE_RENAMING, SHOP
from bst_domain.vocabulary._lookup import ANYTHING, MAIL_EVENT, VOCABULARIES, System, map_status
from bst_domain.vocabulary._marketplaces import AIRBNB, GETYOURGUIDE, KLOOK, TRIPDOTCOM, TRIPSTER
from bst_domain.vocabulary._meaning import SAYS_NOTHING, Meaning, UnknownStatus, Vocabulary, Words
from bst_domain.vocabulary._payment_kinds import (
    PARTIAL_RETURN_WORDS,
    PAYMENT_WORDS,
    PAYPAL_NOTICES,
    PAYPAL_WEBHOOKS,
    NoMoneyMoved,
    UnknownPaymentWord,
    payment_kind,
    paypal_webhook_kind,
)
from bst_domain.vocabulary._paypal import PAYPAL
from bst_domain.vocabulary._reservation_systems import BOKUN, FAREHARBOR, GOOGLE, HEADOUT, OCTO, REZDY
from bst_domain.vocabulary._viator import VIATOR

__all__ = [
    "ADMIN",
    "ADMIN_BEFORE_RENAMING",
    "AIRBNB",
    "ANYTHING",
    "BOKUN",
    "FAREHARBOR",
    "GETYOURGUIDE",
    "GOOGLE",
    "HEADOUT",
    "KLOOK",
    "MAIL_EVENT",
    "OCTO",
    "PARTIAL_RETURN_WORDS",
    "PAYMENT_WORDS",
    "PAYPAL",
    "PAYPAL_NOTICES",
    "PAYPAL_WEBHOOKS",
    "REZDY",
    "SAYS_NOTHING",
    "SHOP",
    "TRIPDOTCOM",
    "TRIPSTER",
    "VIATOR",
    "VOCABULARIES",
    "Meaning",
    "NoMoneyMoved",
    "System",
    "UnknownPaymentWord",
    "UnknownStatus",
    "Vocabulary",
    "Words",
    "map_status",
    "payment_kind",
    "paypal_webhook_kind",
]
