"""Hypothesis strategies for BST's values, made to collide: few bookings, few times, few references, so that rules meet."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from attrs import evolve
from hypothesis import strategies as st

from bst_domain.booking import (
    OPERATOR,
    OPS_RELEVANT,
    PACKAGE_ENTITIES,
    BookingFacts,
    Evidence,
    Field,
    OpsInputs,
    Override,
    PackageRef,
    TerminalStatus,
    edit,
    hold,
    lift,
)
from bst_domain.catalog import CatalogRow, Rate
from bst_domain.ingest import BookingEvent, SchemaMismatch, facts_of, parse_event
from bst_domain.values import EventType, FulfilmentStatus, Money

#: The instant that generated events are accepted at; every generated event time is before it.
ACCEPTED_AT = datetime(2026, 6, 1, tzinfo=UTC)
_START = datetime(2026, 3, 1, tzinfo=UTC)

event_ids = st.uuids(version=4)
#: Few instants, some within one second and some with microseconds, so that ties happen.
event_times = st.sampled_from(
    [
        _START,
        _START + timedelta(milliseconds=1),
        _START + timedelta(microseconds=1),
        _START + timedelta(seconds=1),
        _START + timedelta(days=1),
        _START + timedelta(days=40),
    ]
)
names = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "Guest", " UNKNOWN ", "n/a", "-", "Annika Brandstätter", "王小明", "O'Brien, Máire", "José Núñez"]
    ),
)
emails = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "",
            "n/a",
            "no-email@viator.com",
            "TNT_noreply@mail.example.org",
            "somebody@example.com",
            "customer-abc123@reply.getyourguide.com",
            "S-1@expmessaging.tripadvisor.com",
            "annika@mail.example.org",
            "MAIRE@mail.example.org",
        ]
    ),
)
phones = st.one_of(
    st.none(), st.sampled_from(["", "123", "0000000000", "+6281234567890", "081234567891", "0049 170 1234567"])
)

_customers = st.fixed_dictionaries({}, optional={"name": names, "email": emails, "phone": phones})
_days = st.sampled_from(["2026-03-01", "2026-06-01", "2026-06-02", "2031-12-24"])
_party = {"adult": st.integers(0, 3), "child": st.integers(0, 2), "infant": st.integers(0, 1)}
_money = st.sampled_from([("USD", 150), ("USD", 99.5), ("EUR", 10.25), ("IDR", 2_500_000)])
_texts = st.one_of(st.none(), st.sampled_from(["", "Kuta", "Alaya Resort Ubud"]))
_packages: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"legacyPackageId": 7},
        {"packageRefType": "CATALOG_VARIANT", "packageRefKey": "6b647a19-b987-5dd4-8c1e-94bceb859370"},
    ]
)
_booking_parts = st.fixed_dictionaries(
    {},
    optional={
        "tourDate": _days,
        "tourTime": st.sampled_from(["03:30", "08:00"]),
        **_party,
        "pickupLocation": _texts,
        "meetingPoint": _texts,
        "note": _texts,
    },
)


@st.composite
def payment_payloads(draw: st.DrawFn) -> dict[str, Any]:
    """What the shop says of a payment, with the same few references again and again."""
    order = draw(st.sampled_from([None, "O-1", "O-2"]))
    ref = draw(st.sampled_from(["P-1", "P-2", "R-1", *([] if order is None else [order])]))
    payload: dict[str, Any] = {
        "paymentRef": ref,
        "paymentStatus": draw(
            st.sampled_from(
                ["COMPLETED", "PENDING", "DECLINED", "FAILED", "REFUNDED", "REVERSED", "PARTIALLY_REFUNDED", "VOIDED"]
            )
        ),
        "capturedAmount": draw(st.sampled_from([0, 50, 100, 99])),
    }
    if order is not None:
        payload["orderId"] = order
    currency = draw(st.sampled_from([None, "USD", "EUR"]))
    if currency is not None:
        payload["currency"] = currency
    if draw(st.booleans()):
        payload["capturePayload"] = {"update_time": draw(event_times).isoformat()}
    return payload


@st.composite
def bodies(draw: st.DrawFn, *, source: str = "DIRECT", ref: str = "WEB-1") -> dict[str, Any]:
    """Valid bodies of BookingIngestEventV1 about one booking."""
    kind = draw(st.sampled_from(list(EventType)))
    booking: dict[str, Any] = dict(draw(_booking_parts))
    if draw(st.booleans()):
        booking["currency"], booking["totalPrice"] = draw(_money)
    if draw(st.integers(0, 3)) == 0:
        booking.update(draw(_packages))
    if kind is EventType.CREATED:
        booking.setdefault("tourDate", draw(_days))
        booking.setdefault("adult", draw(_party["adult"]))
    payload = draw(st.one_of(st.just({}), payment_payloads()))
    return {
        "payloadVersion": "v1",
        "eventType": kind.value,
        "eventTime": draw(event_times).isoformat(),
        "source": source,
        "externalBookingRef": ref,
        "customer": draw(_customers),
        "booking": booking,
        "raw": {"providerPayload": payload},
    }


@st.composite
def event_facts(draw: st.DrawFn) -> BookingFacts:
    """The facts of one event of one booking."""
    event = parse_event(draw(bodies()), now=ACCEPTED_AT)
    assert isinstance(event, BookingEvent)
    facts = facts_of(event, draw(event_ids))
    assert not isinstance(facts, SchemaMismatch)
    return facts


@st.composite
def _evidence(draw: st.DrawFn) -> Evidence:
    return Evidence(
        event_id=draw(event_ids), event_time=draw(event_times), source="MANUAL", event_type=EventType.UPDATED
    )


@st.composite
def operator_facts(draw: st.DrawFn) -> BookingFacts:
    """What an operator says: a no-show, a reinstatement, an override, an edit, or a conflict that holds some fields."""
    evidence = draw(_evidence())
    match draw(st.sampled_from(["no-show", "reinstatement", "override", "edit", "hold"])):
        case "no-show":
            return BookingFacts(first=evidence, terminals={evidence.event_id: (TerminalStatus.NO_SHOW, evidence)})
        case "reinstatement":
            return BookingFacts(first=evidence, reinstated=evidence)
        case "edit":
            values = st.dictionaries(st.sampled_from([Field.NOTE, Field.MEETING_POINT]), _texts, min_size=1)
            return edit(draw(values), evolve(evidence, source=OPERATOR))
        case "hold":
            before = draw(event_facts())
            fields = draw(st.sets(st.sampled_from([Field.TOUR_DATE, Field.TOTAL_PRICE])))
            made = hold(before, evidence.event_id, sorted(fields), evidence.event_time)
            return evolve(lift(made, evidence.event_id) if draw(st.booleans()) else made, first=evidence)
        case _:
            status = draw(st.sampled_from([FulfilmentStatus.READY, FulfilmentStatus.ATTENTION]))
            said = Override(status=status, actor="ops@example.org", reason="called the guest", evidence=evidence)
            return BookingFacts(first=evidence, override=said)


@st.composite
def backfilled_facts(draw: st.DrawFn) -> BookingFacts:
    """An event's facts as back-fill would stamp them."""
    facts = draw(event_facts())
    assert facts.first is not None
    evidence = evolve(facts.first, origin=0, proof=draw(st.integers(0, 3)), tie=draw(st.integers(0, 5)))
    registers = {name: evolve(fact, evidence=evidence) for name, fact in facts.registers.items()}
    created = {name: fact for name, fact in registers.items() if name in OPS_RELEVANT}
    return BookingFacts(registers=registers, created=created, first=evidence, creation=evidence)


def event_id_of(facts: BookingFacts) -> UUID:
    """The event that these single facts come from."""
    assert facts.first is not None
    return facts.first.event_id


#: Any one thing that can be said about a booking.
single_facts = st.one_of(event_facts(), event_facts(), event_facts(), operator_facts(), backfilled_facts())
#: Several things said about one booking, each by an event of its own.
fact_lists = st.lists(single_facts, min_size=1, max_size=8, unique_by=event_id_of)
ops_inputs = st.builds(
    OpsInputs,
    driver_assigned=st.booleans(),
    cost_pattern_set=st.booleans(),
    finance_items=st.integers(0, 2),
    finance_items_paid=st.integers(0, 2),
    finance_validated=st.booleans(),
    package=st.none() | st.builds(PackageRef, st.sampled_from(PACKAGE_ENTITIES), st.uuids(), st.sampled_from([7, 8])),
)
today = st.sampled_from([date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 2)])


def _catalog_row(name: str | None, slug: str | None, legacy: int | None, price: int | None) -> CatalogRow:
    return CatalogRow(name=name, slug=slug, legacy_package_id=legacy, price=None if price is None else Decimal(price))


#: Packages and products of a few names, slugs and ids, so that they match, collide and are invalid.
catalog_rows = st.builds(
    _catalog_row,
    st.sampled_from(["Ubud", "UBUD Full Day Tour", "Café & Rice", "cafe and rice trip", "!!!", " ", None]),
    st.sampled_from(["ubud", "Ubud_Tour", "cafe-rice", "--", None]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, 0, 50, -1]),
)


def _rate(
    traveller: str, currency: str, numbers: tuple[int | None, int | None], days: tuple[int | None, int | None], on: bool
) -> Rate:
    lowest, highest = numbers
    start, end = (None if day is None else ACCEPTED_AT + timedelta(days=day) for day in days)
    return Rate(
        traveller=traveller,
        price=Money(currency, Decimal("50.00")),
        min_quantity=lowest,
        max_quantity=highest,
        valid_from=start,
        valid_to=end,
        is_active=on,
    )


def _spans(limit: int) -> st.SearchStrategy[tuple[int | None, int | None]]:
    """A start and a later end, either open."""
    bounds = st.tuples(st.none() | st.integers(0, limit), st.none() | st.integers(0, limit))
    return bounds.filter(lambda span: span[0] is None or span[1] is None or span[0] < span[1])


#: Rates of the few kinds that can contradict each other.
rates = st.builds(
    _rate, st.sampled_from(["ADULT", "CHILD"]), st.sampled_from(["USD", "EUR"]), _spans(9), _spans(9), st.booleans()
)
