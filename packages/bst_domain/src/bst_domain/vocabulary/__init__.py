"""Other systems' words for bookings and payments, and what they mean here."""

from bst_domain.vocabulary._payment_words import PARTIAL_RETURN_WORDS, PAYMENT_WORDS, UnknownPaymentWord, payment_kind

__all__ = ["PARTIAL_RETURN_WORDS", "PAYMENT_WORDS", "UnknownPaymentWord", "payment_kind"]
