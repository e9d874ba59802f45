"""What a variant costs: which rate holds, which rates contradict each other, and what stands in for none.

Source of the rules: semantics 8 (fallback rates), predecessor rules 14 and 15 (child price, validity).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import combinations

from attrs import frozen

from bst_domain.values import CENT, Money, TravellerType


@frozen(kw_only=True)
class Rate:
    """A price a head. Bounds are inclusive, null is open; quantities count travellers of this type.

    ``valid_to`` is exclusive: a rate that ends when the next one begins does not overlap it.
    """

    traveller: str
    price: Money
    min_quantity: int | None = None
    max_quantity: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    is_active: bool = True

    def holds_at(self, instant: datetime) -> bool:
        """Whether it is active and the instant lies inside its validity."""
        started = self.valid_from is None or self.valid_from <= instant
        return self.is_active and started and (self.valid_to is None or instant < self.valid_to)


def overlap(a: Rate, b: Rate) -> bool:
    """Whether both could hold for the same traveller, currency, number and instant: then the price would be a guess."""
    if a.traveller != b.traveller or a.price.currency != b.price.currency or not (a.is_active and b.is_active):
        return False
    same_numbers = (a.min_quantity or 0) <= _most(b) and (b.min_quantity or 0) <= _most(a)
    return same_numbers and _starts_before_end(a, b) and _starts_before_end(b, a)


def overlapping(rates: Iterable[Rate]) -> list[tuple[Rate, Rate]]:
    """Every pair of rates that contradict each other, in the order given."""
    return [(a, b) for a, b in combinations(rates, 2) if overlap(a, b)]


def _most(rate: Rate) -> float:
    return float("inf") if rate.max_quantity is None else rate.max_quantity


def _starts_before_end(a: Rate, b: Rate) -> bool:
    return a.valid_from is None or b.valid_to is None or a.valid_from < b.valid_to


def lead_price(rates: Iterable[Rate], traveller: TravellerType, currency: str, instant: datetime) -> Money | None:
    """The price that is shown in a currency: of the rates that hold, the one for the fewest travellers, then the lowest."""
    holding = [
        rate
        for rate in rates
        if (rate.traveller, rate.price.currency) == (traveller, currency) and rate.holds_at(instant)
    ]
    first = min(holding, key=lambda rate: (rate.min_quantity or 0, rate.price.amount), default=None)
    return None if first is None else first.price


def child_price(adult: Money, child: Money | None) -> Money:
    """A child's own price, else half of an adult's, to the cent."""
    return Money(adult.currency, (adult.amount / 2).quantize(CENT)) if child is None else child


@frozen(kw_only=True)
class PackagePrice:
    """What a legacy package costs a head; the child's price is null where none is stated."""

    currency: str
    adult: Decimal
    child: Decimal | None


def fallback_rates(rates: Sequence[Rate], package: PackagePrice | None) -> tuple[Rate, ...] | None:
    """The rates that a variant without an active one gets from its package: adult and child, where those are above zero.

    Empty: none is needed. None: NO_RATE_AVAILABLE, neither a rate nor a package price.
    """
    if any(rate.is_active for rate in rates):
        return ()
    if package is None or package.adult <= 0:
        return None
    stated = ((TravellerType.ADULT, package.adult), (TravellerType.CHILD, package.child))
    return tuple(
        Rate(traveller=traveller, price=Money(package.currency, amount.quantize(CENT)))
        for traveller, amount in stated
        if amount is not None and amount > 0
    )
