"""What another system's word means here, and the typed outcome for a word that nobody has mapped.

Source: facts/status_vocabulary.csv; every table in this chapter names the source of its rows. Reading rules that follow from
the facts: an OTA's mail has no status field, its subject is the event; a request looks like a booking but is none until
somebody answers; the same word means different things of different objects, so a word is always looked up with its object.
"""

from collections.abc import Mapping

from attrs import frozen

from bst_domain.values import FulfilmentStatus, PaymentStatus


@frozen
class Meaning:
    """What a word says of a booking; None where it says nothing about that.

    A proposal for a status, not a fact: the fold decides, with everything else that is known. ``caution`` is what to look
    at before believing it.
    """

    payment: PaymentStatus | None = None
    fulfilment: FulfilmentStatus | None = None
    caution: str | None = None

    @property
    def decides_nothing(self) -> bool:
        """A known word that on its own changes neither status."""
        return self.payment is None and self.fulfilment is None


@frozen
class UnknownStatus:
    """Nobody has said yet what this word means: a person decides, never a default. ``known`` lists what could be looked up."""

    system: str
    about: str
    raw: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"unknown {self.about} {self.raw!r} of {self.system} (known: {', '.join(self.known)})"


SAYS_NOTHING = Meaning()
"""A known word that decides nothing."""

Words = Mapping[str, Meaning]
"""Raw word -> meaning, spelled as the source spells it."""

Vocabulary = Mapping[str, Words]
"""Object, such as ``capture.status`` -> its words."""
