"""Raw to canonical: one door to all vocabularies.

Source: facts/status_vocabulary.csv.
"""

from collections.abc import Mapping
from enum import StrEnum

from bst_domain.vocabulary._legacy import ADMIN, ADMIN_BEFORE_RENAMING, SHOP
from bst_domain.vocabulary._marketplaces import AIRBNB, GETYOURGUIDE, KLOOK, TRIPDOTCOM, TRIPSTER
from bst_domain.vocabulary._meaning import Meaning, UnknownStatus, Vocabulary, Words
from bst_domain.vocabulary._paypal import PAYPAL
from bst_domain.vocabulary._reservation_systems import BOKUN, FAREHARBOR, GOOGLE, HEADOUT, OCTO, REZDY
from bst_domain.vocabulary._viator import VIATOR

#: Any text, in a mail's subject.
ANYTHING = "…"
MAIL_EVENT = "mail event"


class System(StrEnum):
    """Whose words they are."""

    SHOP = "shop"
    ADMIN = "admin"
    ADMIN_BEFORE_RENAMING = "admin before renaming"
    PAYPAL = "PayPal"
    BOKUN = "Bokun"
    OCTO = "OCTO"
    GETYOURGUIDE = "GetYourGuide"
    VIATOR = "Viator"
    KLOOK = "Klook"
    AIRBNB = "Airbnb"
    TRIPDOTCOM = "Trip.com"
    TRIPSTER = "Tripster"
    FAREHARBOR = "FareHarbor"
    REZDY = "Rezdy"
    HEADOUT = "Headout"
    GOOGLE = "Google"


VOCABULARIES: Mapping[System, Vocabulary] = {
    System.SHOP: SHOP,
    System.ADMIN: ADMIN,
    System.ADMIN_BEFORE_RENAMING: ADMIN_BEFORE_RENAMING,
    System.PAYPAL: PAYPAL,
    System.BOKUN: BOKUN,
    System.OCTO: OCTO,
    System.GETYOURGUIDE: GETYOURGUIDE,
    System.VIATOR: VIATOR,
    System.KLOOK: KLOOK,
    System.AIRBNB: AIRBNB,
    System.TRIPDOTCOM: TRIPDOTCOM,
    System.TRIPSTER: TRIPSTER,
    System.FAREHARBOR: FAREHARBOR,
    System.REZDY: REZDY,
    System.HEADOUT: HEADOUT,
    System.GOOGLE: GOOGLE,
}


def map_status(system: System, about: str, raw: str) -> Meaning | UnknownStatus:
    """What a system's word about one of its objects means, e.g. ``(System.OCTO, "Booking.status", "CONFIRMED")``.

    Letter case and white space around a word do not matter: one column of the shop mixes cases. About ``mail event`` the raw
    text is a subject: it means what the longest matching pattern means, and may go on after it.
    """
    vocabulary = VOCABULARIES[system]
    words = vocabulary.get(about)
    if words is None:
        return UnknownStatus(system.value, about, raw, tuple(vocabulary))
    found = _mail_event(words, raw) if about == MAIL_EVENT else _word(words, raw)
    return UnknownStatus(system.value, about, raw, tuple(words)) if found is None else found


def _word(words: Words, raw: str) -> Meaning | None:
    wanted = raw.strip().casefold()
    return next((meaning for word, meaning in words.items() if word.casefold() == wanted), None)


def _mail_event(words: Words, subject: str) -> Meaning | None:
    folded = " ".join(subject.split()).casefold()
    matching = [pattern for pattern in words if _reads_as(pattern.casefold(), folded)]
    return words[max(matching, key=len)] if matching else None


def _reads_as(pattern: str, subject: str) -> bool:
    """Whether the subject starts like the pattern; ``…`` is any text."""
    start, *rest = pattern.split(ANYTHING)
    if not subject.startswith(start):
        return False
    at = len(start)
    for part in rest:
        found = subject.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True
