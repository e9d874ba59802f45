"""A derived booking against the stored one: each difference with its key, both values and the rule."""

from collections.abc import Callable, Iterator, Mapping

from bst_application.derived import Derived, sources_text
from bst_application.ports.comparing import Part, StoredRecord
from bst_domain.booking import BookingFacts
from bst_domain.migration import (
    BODY_RULES,
    MONEY_RULES,
    RULES,
    Difference,
    DifferenceKind,
    LegacyCase,
    before_the_tour,
    fact_text,
    who_said,
)
from bst_domain.values import backfilled_booking_key

_LISTS = frozenset({"item", "payment", "paymentFact", "sources", "bookingKey", "otherColumns"})
#: The fields of each part that are compared one by one.
FIELDS: Mapping[Part, tuple[str, ...]] = {
    Part.BODY: tuple(name for name in BODY_RULES if name not in _LISTS),
    Part.MONEY: tuple(name for name in MONEY_RULES if name not in _LISTS),
}
EVERY_ROW = "every legacy row that is not rejected leads to one booking (semantics 9)"
TOUR_DAY_CAME = "the tour day has come since: the scheduled recompute is due"
Tell = Callable[[str, str | None, str | None, str | None], None]


def missing(case: LegacyCase) -> Difference:
    """There is no such booking here."""
    return Difference(
        kind=DifferenceKind.MISSING_HERE,
        entity="BOOKING",
        key=str(backfilled_booking_key(case.identity)),
        name=_name(case),
        field="booking",
        expected=sources_text(case),
        found=None,
        rule=EVERY_ROW,
    )


def differences(
    case: LegacyCase, part: Part, alone: Derived, here: Derived, record: StoredRecord
) -> Iterator[Difference]:
    """Of one booking. What is stored must be what ``here`` says; where that is another thing than ``alone``, somebody spoke."""

    def told(
        field: str,
        expected: str | None,
        found: str | None,
        explained: str | None,
        *,
        kind: DifferenceKind = DifferenceKind.FIELD_DIFFERS,
        entity: str = "BOOKING",
        key: str | None = None,
    ) -> Difference:
        return Difference(
            kind=kind,
            entity=entity,
            key=key or str(record.booking.key),
            name=_name(case),
            field=field,
            expected=expected,
            found=found,
            rule=RULES[field],
            explained=explained,
        )

    for field in FIELDS[part]:
        must, alone_says, found = here.fields[field], alone.fields[field], record.fields[field]
        if found != must:
            yield told(field, must, found, _time(field, here, record))
        elif found != alone_says:
            yield told(field, alone_says, found, _who(field, record))
    if part is Part.BODY:
        if record.sources != frozenset(sources_text(case).split("|")):
            yield told("sources", sources_text(case), "|".join(sorted(record.sources)), None)
        if record.booking.key != backfilled_booking_key(case.identity):
            yield told("bookingKey", alone.fields["bookingKey"], str(record.booking.key), _who("bookingKey", record))
    for field, entity, musts, alones, founds in _lists(part, alone, here, record):
        for key in sorted({*musts, *alones, *founds}):
            must, alone_says, found = musts.get(key), alones.get(key), founds.get(key)
            expected, explained = (must, None) if found != must else (alone_says, _who(field, record))
            if found != expected:
                kind = DifferenceKind.FIELD_DIFFERS
                if found is None:
                    kind = DifferenceKind.MISSING_HERE
                elif expected is None:
                    kind = DifferenceKind.UNEXPECTED_HERE
                yield told(field, expected, found, explained, kind=kind, entity=entity, key=key)


def _lists(
    part: Part, alone: Derived, here: Derived, record: StoredRecord
) -> Iterator[tuple[str, str, Mapping[str, str], Mapping[str, str], Mapping[str, str]]]:
    """What hangs below a booking: field, entity, and key -> what it says, as it must be, by the rows alone, and as it is."""
    if part is Part.BODY:
        yield "item", "ITEM", here.items, alone.items, record.items
        return
    yield "payment", "PAYMENT", here.payments, alone.payments, record.payments
    said = [_said_of_payments(facts) for facts in (here.facts, alone.facts, record.booking.facts)]
    yield "paymentFact", "PAYMENT_FACT", said[0], said[1], said[2]


def _said_of_payments(facts: BookingFacts) -> Mapping[str, str]:
    return {f"{f.provider} {f.kind} {f.reference}": fact_text(f) for f in facts.payments.values()}


def _who(field: str, record: StoredRecord) -> str | None:
    """Whose word it is that a field does not show what the legacy rows alone come to."""
    facts = record.booking.facts
    if field == "assignedDriverId" and record.assigned.by_core:
        return "assigned here"
    if field.startswith("package") and record.booking.ops.package is not None:
        return "mapped here"
    said = who_said(facts, field)
    if said is not None:
        return said
    if facts.holds:
        return "held here: two systems contradict each other"
    if facts.acknowledged:
        return "acknowledged here by operations"
    return "assigned here" if record.assigned.by_core else None


def _time(field: str, here: Derived, record: StoredRecord) -> str | None:
    """Time alone makes statuses old; nobody is wrong before the recompute."""
    if field not in {"opsFulfillmentStatus", "stateStatus", "statusReasons"}:
        return None
    earlier = before_the_tour(here.booking, here.facts, here.ops)
    if earlier is None:
        return None
    shown = "|".join(earlier.reasons) if field == "statusReasons" else earlier.fulfilment_status.value
    was_so = shown == record.fields[field]
    came = (earlier.fulfilment_status, earlier.reasons) != (here.booking.fulfilment_status, here.booking.reasons)
    return TOUR_DAY_CAME if was_so and came else None


def _name(case: LegacyCase) -> str:
    return f"{case.identity.channel} {case.identity.ref}"
