"""Settlement: are the suppliers and drivers of a tour paid?

Source of the rules: predecessor rules 2, semantics 4 and 5. Items are what the operator owes, so "settled" says nothing about
whether the customer has paid.
"""

from enum import StrEnum


class SettlementStatus(StrEnum):
    """settlement_status of a finance row."""

    PENDING = "PENDING"
    SETTLED = "SETTLED"


def settlement_status(items: int, items_paid: int) -> SettlementStatus:
    """SETTLED when there is at least one payable and all are paid. Recomputed each time: un-paying one item undoes it."""
    return SettlementStatus.SETTLED if 0 < items <= items_paid else SettlementStatus.PENDING
