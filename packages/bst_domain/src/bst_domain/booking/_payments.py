"""Payments as a set of facts, and the customer's payment status as a function of that set.

Source of the rules: semantics 4. Because the status is a function of the set, order cannot matter, and PAID cannot fall
back to PENDING_PAYMENT without a refund or reversal.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from attrs import evolve, frozen

from bst_domain.values import PaymentKind, PaymentStatus

RETURNS = frozenset({PaymentKind.REFUNDED, PaymentKind.REVERSED})
#: What an attempt that moved no money says of the booking.
ATTEMPTS: Mapping[PaymentKind, PaymentStatus] = {
    PaymentKind.PENDING: PaymentStatus.PENDING_PAYMENT,
    PaymentKind.FAILED: PaymentStatus.FAILED,
    PaymentKind.VOIDED: PaymentStatus.FAILED,
}

#: Stands for a currency that nobody has stated yet; equal to no real one.
UNSTATED = "XXX"

PaymentKey = tuple[str, PaymentKind, str]
"""(provider, kind, reference)"""


@frozen(kw_only=True)
class PaymentFact:
    """What a provider reported of one payment.

    ``amount`` has two decimals; ``currency`` is null where the provider left it to the booking's own, which may be said
    later. ``instant`` is the provider's, ``event_time`` the reporting event's. ``reference`` is the capture's id, else
    the order's. ``weak``: a legacy header's claim without a capture row; gone once a real capture exists. ``also_called``: the
    shop's own name for the same payment, which its live events call it by.
    """

    provider: str
    kind: PaymentKind
    reference: str
    order_id: str | None
    amount: Decimal
    currency: str | None
    instant: datetime
    raw_status: str
    partially_returned: bool
    event_id: UUID
    event_time: datetime
    origin: int = 1
    weak: bool = False
    also_called: str | None = None

    @property
    def key(self) -> PaymentKey:
        return (self.provider, self.kind, self.reference)

    @property
    def order_only(self) -> bool:
        """Known by its order alone: the capture's own id has not been said."""
        return self.reference == self.order_id


def later_payment(a: PaymentFact, b: PaymentFact) -> PaymentFact:
    """Of two facts that share a key the later event time holds. What the payment is also called is known from either."""
    later = max(a, b, key=_lateness)
    called = max(filter(None, (a.also_called, b.also_called)), default=None)
    return later if later.also_called == called else evolve(later, also_called=called)


def _lateness(fact: PaymentFact) -> tuple[int, datetime, int]:
    return (fact.origin, fact.event_time, fact.event_id.int)


def distinct(facts: Iterable[PaymentFact]) -> list[PaymentFact]:
    """The facts without those that another one repeats.

    A fact with an order id only and one with that order id and a capture id are the same payment, and so are a fact and one
    that is also called by its reference: of these two the later one holds. A weak capture is none once there is a real one.
    """
    known = list(facts)
    if len(known) < 2:
        return known
    if any(f.also_called is not None for f in known):
        known = _called_once(known)
    named = {(f.provider, f.kind, f.order_id) for f in known if f.order_id is not None and not f.order_only}
    real_capture = any(f.kind is PaymentKind.CAPTURED and not f.weak for f in known)
    return [
        f
        for f in known
        if not (_names_an_order(f) and (f.provider, f.kind, f.reference) in named) and not (f.weak and real_capture)
    ]


def _names_an_order(fact: PaymentFact) -> bool:
    """Its reference may be an order's: the old shop kept the order's id as its own name of a payment, and no other."""
    return fact.order_id is None or fact.order_only


def _called_once(known: Sequence[PaymentFact]) -> list[PaymentFact]:
    """Without the weaker of two facts for one payment. A name that several payments share is one of them, whichever it is.

    The shop's live events know no provider but one, so the name alone tells.
    """
    called: defaultdict[tuple[PaymentKind, str], list[PaymentFact]] = defaultdict(list)
    for fact in known:
        if fact.also_called is not None:
            called[fact.kind, fact.also_called].append(fact)
    gone: set[PaymentKey] = set()
    for named in known:
        others = called.get((named.kind, named.reference), ())
        if len(others) == 1 and named is max(named, others[0], key=_lateness):
            gone.add(others[0].key)
        elif others:
            gone.add(named.key)
    return [fact for fact in known if fact.key not in gone]


def payment_names(facts: Iterable[PaymentFact]) -> Mapping[str, tuple[str, str]]:
    """Reference -> provider and reference that the payment is known by, where it is another one.

    A name that several payments share stands for none of them.
    """
    called: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for fact in facts:
        if fact.also_called is not None:
            called[fact.also_called].add((fact.provider, fact.reference))
    return {name: next(iter(known)) for name, known in called.items() if len(known) == 1}


@frozen(kw_only=True)
class Balance:
    """What the distinct payment facts come to, currency by currency: currencies are never added together."""

    captured: Mapping[str, Decimal]
    returned: Mapping[str, Decimal]
    latest_attempt: PaymentFact | None
    partially_returned: bool

    @property
    def fully_returned(self) -> bool:
        return bool(self.captured) and all(
            self.returned.get(currency, Decimal(0)) >= amount for currency, amount in self.captured.items()
        )


def balance(facts: Iterable[PaymentFact], booking_currency: str | None) -> Balance:
    """Adds up a set of payment facts; ``booking_currency`` stands in where a fact names none."""
    return balance_of_distinct(distinct(facts), booking_currency)


def balance_of_distinct(facts: Iterable[PaymentFact], booking_currency: str | None) -> Balance:
    """``balance`` for whoever has taken the repeats out already."""
    captured: defaultdict[str, Decimal] = defaultdict(Decimal)
    returned: defaultdict[str, Decimal] = defaultdict(Decimal)
    attempt: PaymentFact | None = None
    partially = False
    for fact in facts:
        partially |= fact.partially_returned
        currency = fact.currency or booking_currency or UNSTATED
        if fact.kind is PaymentKind.CAPTURED:
            if fact.amount > 0:
                captured[currency] += fact.amount
        elif fact.kind in RETURNS:
            returned[currency] += fact.amount
        elif attempt is None or _attempt_order(fact) > _attempt_order(attempt):
            attempt = fact
    partially |= bool(captured) and any(returned.values())
    return Balance(captured=captured, returned=returned, latest_attempt=attempt, partially_returned=partially)


def _attempt_order(fact: PaymentFact) -> tuple[datetime, datetime, int, PaymentKey]:
    return (fact.instant, fact.event_time, fact.event_id.int, fact.key)


def payment_status(total: Balance, legacy: PaymentStatus | None = None) -> PaymentStatus:
    """First match wins: returned in full, captured, the latest attempt, the legacy header's word, pending.

    ``legacy`` is what a back-filled header said; it counts only where there is no payment fact at all.
    """
    if total.captured:
        return PaymentStatus.REFUNDED if total.fully_returned else PaymentStatus.PAID
    if total.latest_attempt is not None:
        return ATTEMPTS[total.latest_attempt.kind]
    if total.returned:  # the return of a capture that has not been reported yet
        return PaymentStatus.PENDING_PAYMENT
    return legacy or PaymentStatus.PENDING_PAYMENT


def reference_status(facts: Iterable[PaymentFact], booking_currency: str | None) -> PaymentStatus:
    """What the distinct facts of one payment reference come to; a return on its own is REFUNDED."""
    total = balance_of_distinct(facts, booking_currency)
    if not total.captured and total.latest_attempt is None and total.returned:
        return PaymentStatus.REFUNDED
    return payment_status(total)
