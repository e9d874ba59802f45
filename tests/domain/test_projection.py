"""What a booking shows, member by member, and each reason alone."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from bst_domain.booking import (
    LEGACY_FIELDS,
    NO_OPS,
    NOTHING,
    Booking,
    BookingFacts,
    Contact,
    Evidence,
    Fact,
    Field,
    OpsInputs,
    Override,
    PackageRef,
    PackageRefType,
    Payment,
    Reason,
    TerminalStatus,
    acknowledge,
    balance,
    converter,
    facts_to_document,
    item_unit_price,
    merge,
    project,
    reference_status,
    said_by,
    terminal_fact,
    tour_day,
)
from bst_domain.ingest import (
    BookingEvent,
    ExternalReference,
    SchemaMismatch,
    external_references,
    facts_of,
    parse_event,
    second_of,
)
from bst_domain.values import BookingIdentity, EmailKind, EventType, FulfilmentStatus, Money, PaymentKind, PaymentStatus
from bst_domain.values import ExternalRef as Ref
from tests.domain.test_payment_laws import paid

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE = date(2026, 1, 1)
VARIANT = UUID("6b647a19-b987-5dd4-8c1e-94bceb859370")


def event(kind: str = "CREATED", at: str = "2026-05-01T10:00:00Z", **members: Any) -> BookingEvent:
    body = {
        "payloadVersion": "v1",
        "eventType": kind,
        "eventTime": at,
        "source": "DIRECT",
        "externalBookingRef": "WEB-1",
        "booking": {"tourDate": "2026-07-14", "adult": 2, "currency": "USD", "totalPrice": 150}
        if kind == "CREATED"
        else {},
        **members,
    }
    parsed = parse_event(body, now=NOW)
    assert isinstance(parsed, BookingEvent), parsed
    return parsed


def said(number: int = 1, kind: str = "CREATED", at: str = "2026-05-01T10:00:00Z", **members: Any) -> BookingFacts:
    facts = facts_of(event(kind, at, **members), UUID(int=number))
    assert isinstance(facts, BookingFacts)
    return facts


def shown(*facts: BookingFacts, ops: OpsInputs = NO_OPS, today: date = BEFORE) -> Booking:
    folded = NOTHING
    for one in facts:
        folded = merge(folded, one)
    return project(folded, ops, today)


PERSON: dict[str, Any] = {
    "name": "Annika Brandstaetter",
    "email": "annika@mail.example.org",
    "phone": "0049 (0) 170-1234567",
}
FULL: dict[str, Any] = {
    "tourDate": "2026-07-14",
    "tourTime": "03:30",
    "adult": 2,
    "child": 1,
    "infant": 3,
    "currency": "USD",
    "totalPrice": 150,
    "pickupLocation": "Alaya Resort Ubud",
    "meetingPoint": "Lobby",
    "note": "Two vegetarians",
    "packageRefType": "CATALOG_VARIANT",
    "packageRefKey": str(VARIANT),
}
CAPTURE: dict[str, Any] = {
    "provider": "PAYPAL",
    "reference": "CAP-1",
    "orderId": "ORD-1",
    "status": "COMPLETED",
    "amount": 150,
    "currency": "USD",
    "time": "2026-05-01T10:00:05Z",
}


def test_a_booking_shows_everything_that_was_said() -> None:
    facts = said(customer=PERSON, booking=FULL, payment=CAPTURE)
    [capture] = facts.payments.values()
    booking = shown(facts)
    evidence = facts.first
    assert evidence is not None
    assert booking == Booking(
        payment_status=PaymentStatus.PAID,
        fulfilment_status=FulfilmentStatus.NEW,
        reasons=(),
        booked_at=datetime(2026, 5, 1, 10, tzinfo=UTC),
        tour_date=date(2026, 7, 14),
        tour_time=time(3, 30),
        adult=2,
        child=1,
        infant=3,
        total=Money("USD", Decimal("150.00")),
        note="Two vegetarians",
        package=PackageRef(PackageRefType.CATALOG_VARIANT, VARIANT, None),
        contact=Contact(
            name="Annika Brandstaetter",
            email="annika@mail.example.org",
            phone="0049 (0) 170-1234567",
            phone_e164="+4901701234567",
            email_kind=EmailKind.PERSONAL,
            is_placeholder_name=False,
            is_placeholder_email=False,
            pickup_location="Alaya Resort Ubud",
            meeting_point="Lobby",
        ),
        payments=(Payment(status=PaymentStatus.PAID, latest=capture, currency="USD"),),
        paid_at=datetime(2026, 5, 1, 10, 0, 5, tzinfo=UTC),
        provenance={name.value: evidence for name in Field if name not in LEGACY_FIELDS},
    )
    assert tour_day(facts) == date(2026, 7, 14)
    assert said_by(facts)["totalPrice"] == {"currency": "USD", "amount": "150.00"}


def test_what_nobody_said_is_null() -> None:
    booking = shown(said(kind="UPDATED"))
    empty = (
        booking.tour_date,
        booking.tour_time,
        booking.adult,
        booking.child,
        booking.infant,
        booking.total,
        booking.note,
    )
    assert empty == (None,) * 7
    assert (booking.package, booking.payments, booking.paid_at, booking.provenance) == (None, (), None, {})
    assert booking.contact == Contact(
        name=None,
        email=None,
        phone=None,
        phone_e164=None,
        email_kind=EmailKind.ABSENT,
        is_placeholder_name=True,
        is_placeholder_email=True,
        pickup_location=None,
        meeting_point=None,
    )
    assert booking.reasons == (Reason.INCOMPLETE, Reason.PLACEHOLDER_CONTACT)


def test_a_booking_needs_an_event() -> None:
    with pytest.raises(ValueError, match=r"^a booking needs at least one event$"):
        project(NOTHING, NO_OPS, BEFORE)


def test_a_relay_address_is_shown_as_such_and_is_no_placeholder_contact() -> None:
    relay = shown(said(customer={**PERSON, "email": "customer-1@reply.getyourguide.com"}))
    assert (relay.contact.email_kind, relay.contact.is_placeholder_email) == (EmailKind.RELAY, True)
    assert Reason.PLACEHOLDER_CONTACT not in relay.reasons
    guest = shown(said(customer={**PERSON, "name": "Guest"}))
    assert (guest.contact.is_placeholder_name, guest.contact.is_placeholder_email) == (True, False)
    assert Reason.PLACEHOLDER_CONTACT in guest.reasons


GOOD: dict[str, Any] = {"customer": PERSON}


@pytest.mark.parametrize("missing", ["tourDate", "adult", "totalPrice"])
def test_incomplete(missing: str) -> None:
    whole = {"tourDate": "2026-07-14", "adult": 2, "currency": "USD", "totalPrice": 150}
    assert shown(said(kind="UPDATED", booking=whole, **GOOD)).reasons == ()
    gone = {
        name: value
        for name, value in whole.items()
        if name not in {missing, "currency" if missing == "totalPrice" else ""}
    }
    assert shown(said(kind="UPDATED", booking=gone, **GOOD)).reasons == (Reason.INCOMPLETE,)


def test_changed_after_cancel() -> None:
    cancel = said(2, "CANCELLED", "2026-05-02T10:00:00Z")
    late = said(3, "UPDATED", "2026-05-02T10:00:00.000001Z", booking={"adult": 3})
    same_time = said(3, "UPDATED", "2026-05-02T10:00:00Z", booking={"adult": 3})
    assert shown(said(**GOOD), cancel, late).reasons == (Reason.CHANGED_AFTER_CANCEL,)
    assert shown(said(**GOOD), cancel, same_time).reasons == ()
    assert shown(said(**GOOD), cancel).fulfilment_status is FulfilmentStatus.CANCELLED


def test_tour_day_unassigned() -> None:
    day = date(2026, 7, 14)
    assert shown(said(**GOOD), today=day).reasons == (Reason.TOUR_DAY_UNASSIGNED,)
    assert shown(said(**GOOD), today=day, ops=OpsInputs(driver_assigned=True)).reasons == ()
    assert shown(said(**GOOD), today=day - timedelta(days=1)).reasons == ()


def test_unacknowledged_change() -> None:
    change = said(2, "UPDATED", "2026-05-02T10:00:00Z", booking={"adult": 3})
    assert shown(said(**GOOD), change).reasons == (Reason.UNACKNOWLEDGED_CHANGE,)
    done = OpsInputs(finance_items=1, finance_items_paid=1)
    assert shown(said(**GOOD), change, ops=done).reasons == (Reason.DONE_NOT_PAID,)
    completed = OpsInputs(finance_validated=True)
    assert shown(said(**GOOD), change, ops=completed).reasons == (Reason.DONE_NOT_PAID,)
    cancel = said(3, "CANCELLED", "2026-05-03T10:00:00Z")
    assert shown(said(**GOOD), change, cancel).reasons == ()


def override(status: FulfilmentStatus = FulfilmentStatus.READY) -> BookingFacts:
    evidence = Evidence(event_id=UUID(int=9), event_time=NOW, source="MANUAL", event_type=EventType.UPDATED)
    return BookingFacts(override=Override(status=status, actor="ayu", reason="called", evidence=evidence))


def test_manual_override() -> None:
    overridden = shown(said(**GOOD), override())
    assert (overridden.fulfilment_status, overridden.reasons) == (FulfilmentStatus.READY, (Reason.MANUAL_OVERRIDE,))
    done = shown(said(**GOOD), override(), ops=OpsInputs(finance_items=1, finance_items_paid=1))
    assert (done.fulfilment_status, done.reasons) == (FulfilmentStatus.DONE, (Reason.DONE_NOT_PAID,))
    cancelled = shown(said(**GOOD), override(), said(2, "CANCELLED", "2026-05-02T10:00:00Z"))
    assert (cancelled.fulfilment_status, cancelled.reasons) == (FulfilmentStatus.CANCELLED, ())


def money(status: str, reference: str = "CAP-1", amount: float = 150, **more: Any) -> dict[str, Any]:
    return {**CAPTURE, "orderId": None, "status": status, "reference": reference, "amount": amount, **more}


@pytest.mark.parametrize(
    ("payments", "status", "reasons"),
    [
        ([money("DECLINED")], "FAILED", (Reason.PAYMENT_FAILED,)),
        ([money("COMPLETED")], "PAID", ()),
        ([money("PARTIALLY_REFUNDED")], "PAID", (Reason.PARTIAL_REFUND,)),
        ([money("COMPLETED"), money("REFUNDED", "REF-1", 50)], "PAID", (Reason.PARTIAL_REFUND,)),
        ([money("PARTIALLY_REFUNDED"), money("COMPLETED", "CAP-2")], "PAID", (Reason.PARTIAL_REFUND,)),
        ([money("COMPLETED"), money("REFUNDED", "REF-1")], "REFUNDED", ()),
        ([money("REFUNDED", "REF-1", 50)], "PENDING_PAYMENT", (Reason.RETURN_WITHOUT_CAPTURE,)),
        ([money("REFUNDED", "REF-1", 0)], "PENDING_PAYMENT", (Reason.RETURN_WITHOUT_CAPTURE,)),
        ([money("COMPLETED", amount=0)], "PENDING_PAYMENT", ()),
        ([money("COMPLETED", amount=0.5)], "PAID", ()),
    ],
)
def test_reasons_of_payments(payments: list[dict[str, Any]], status: str, reasons: tuple[Reason, ...]) -> None:
    updates = [said(number, "UPDATED", payment=payment) for number, payment in enumerate(payments, start=2)]
    booking = shown(said(**GOOD), *updates)
    assert (booking.payment_status, booking.reasons) == (status, reasons)


def test_paid_then_cancelled() -> None:
    cancel = said(2, "CANCELLED", "2026-05-02T10:00:00Z")
    assert shown(said(payment=CAPTURE, **GOOD), cancel).reasons == (Reason.PAID_THEN_CANCELLED,)
    evidence = cancel.first
    assert evidence is not None
    no_show = BookingFacts(terminals={evidence.event_id: (TerminalStatus.NO_SHOW, evidence)})
    assert shown(said(payment=CAPTURE, **GOOD), no_show).reasons == ()
    refunded = said(3, "UPDATED", payment=money("REFUNDED", "REF-1"))
    assert shown(said(payment=CAPTURE, **GOOD), cancel, refunded).reasons == ()


def test_done_not_paid() -> None:
    settled = OpsInputs(finance_items=2, finance_items_paid=2)
    assert shown(said(payment=CAPTURE, **GOOD), ops=settled).reasons == ()
    assert shown(said(**GOOD), ops=settled).reasons == (Reason.DONE_NOT_PAID,)
    assert shown(said(**GOOD), ops=OpsInputs(finance_validated=True)).reasons == (Reason.DONE_NOT_PAID,)


def test_unmapped_package() -> None:
    base = {"tourDate": "2026-07-14", "adult": 2, "currency": "USD", "totalPrice": 150}
    legacy = said(booking={**base, "legacyPackageId": 7}, **GOOD)
    assert shown(legacy).reasons == (Reason.UNMAPPED_PACKAGE,)
    assert shown(legacy).package == PackageRef(PackageRefType.LEGACY_PACKAGE, None, 7)
    assert shown(said(booking={**base, **FULL}, **GOOD)).reasons == ()


def test_reasons_come_in_the_order_of_their_enumeration() -> None:
    booking = shown(
        said(kind="UPDATED", booking={"tourDate": "2026-05-01", "legacyPackageId": 7}, payment=money("DECLINED")),
        today=date(2026, 6, 1),
    )
    assert booking.reasons == (
        Reason.INCOMPLETE,
        Reason.TOUR_DAY_UNASSIGNED,
        Reason.PAYMENT_FAILED,
        Reason.PLACEHOLDER_CONTACT,
        Reason.UNMAPPED_PACKAGE,
    )
    assert list(booking.reasons) == sorted(booking.reasons, key=list(Reason).index)


@pytest.mark.parametrize(
    ("total", "adult", "child", "price"),
    [
        ("150.00", 2, 1, "50.00"),
        ("150.00", None, None, "150.00"),
        ("100.00", 3, None, "33.33"),
        ("9.00", 0, 2, "4.50"),
        (None, 2, 0, None),
    ],
)
def test_the_price_a_head(total: str | None, adult: int | None, child: int | None, price: str | None) -> None:
    booking = evolve(
        shown(said()), total=None if total is None else Money("USD", Decimal(total)), adult=adult, child=child, infant=9
    )
    assert item_unit_price(booking) == (None if price is None else Decimal(price))


def test_a_legacy_header_counts_only_where_no_payment_fact_does() -> None:
    def with_header(status: str, *more: BookingFacts) -> Booking:
        first = said(**GOOD)
        assert first.first is not None
        header = evolve(first, registers={**first.registers, Field.LEGACY_PAYMENT: Fact(status, 0, first.first)})
        return shown(header, *more)

    for status in PaymentStatus:
        assert with_header(status.value).payment_status is status
    assert with_header("DRAFT", said(2, "UPDATED", payment=money("DECLINED"))).payment_status is PaymentStatus.FAILED
    assert with_header("PAID").paid_at is None


def test_payments_are_shown_a_reference_in_order() -> None:
    first = said(2, "UPDATED", at="2026-05-02T10:00:00Z", payment=money("PENDING", "CAP-2"))
    then = said(
        3, "UPDATED", at="2026-05-03T10:00:00Z", payment=money("COMPLETED", "CAP-2", time="2026-05-03T10:00:00Z")
    )
    other = said(4, "UPDATED", payment=money("REFUNDED", "CAP-1", 20))
    booking = shown(said(**GOOD), first, then, other)
    assert [(p.latest.reference, p.status, p.latest.kind, p.currency) for p in booking.payments] == [
        ("CAP-1", "REFUNDED", "refunded", "USD"),
        ("CAP-2", "PAID", "captured", "USD"),
    ]
    assert booking.paid_at == datetime(2026, 5, 3, 10, tzinfo=UTC)


def test_a_payment_without_a_currency_takes_the_bookings() -> None:
    payload = {"providerPayload": {"paymentRef": "CAP-1", "paymentStatus": "COMPLETED", "capturedAmount": 20}}
    euros = {"tourDate": "2026-07-14", "adult": 2, "currency": "EUR", "totalPrice": 20}
    nameless = said(2, "UPDATED", raw=payload)
    booking = shown(
        said(booking=euros), nameless, said(3, "UPDATED", payment=money("REFUNDED", "REF-1", 20, currency="EUR"))
    )
    assert [p.currency for p in booking.payments] == ["EUR", "EUR"]
    assert booking.payment_status is PaymentStatus.REFUNDED
    assert shown(nameless).payments[0].currency is None
    dollars = shown(said(booking=euros), nameless, said(3, "UPDATED", payment=money("REFUNDED", "REF-1", 20)))
    assert dollars.payment_status is PaymentStatus.PAID


def test_the_status_of_a_reference_alone() -> None:
    refund, capture = paid(PaymentKind.REFUNDED, "R", "40"), paid(PaymentKind.CAPTURED, "R", "100")
    pending = paid(PaymentKind.PENDING, "R", "100")
    assert reference_status([refund], "USD") is PaymentStatus.REFUNDED
    assert reference_status([capture, refund], "USD") is PaymentStatus.PAID
    assert reference_status([pending, refund], "USD") is PaymentStatus.PENDING_PAYMENT
    assert reference_status([pending], "USD") is PaymentStatus.PENDING_PAYMENT
    assert reference_status([evolve(capture, currency=None), paid(PaymentKind.REFUNDED, "R", "100")], "USD") is (
        PaymentStatus.REFUNDED
    )


def test_a_balance_is_kept_a_currency() -> None:
    total = balance(
        [
            paid(PaymentKind.CAPTURED, "A", "100"),
            paid(PaymentKind.CAPTURED, "B", "1"),
            paid(PaymentKind.CAPTURED, "C", "5", currency=None),
            paid(PaymentKind.REVERSED, "A", "30"),
            paid(PaymentKind.REFUNDED, "D", "4", currency=None),
        ],
        None,
    )
    assert dict(total.captured) == {"USD": Decimal(101), "XXX": Decimal(5)}
    assert dict(total.returned) == {"USD": Decimal(30), "XXX": Decimal(4)}
    assert total.partially_returned
    assert not balance([paid(PaymentKind.CAPTURED, "A")], "USD").partially_returned
    assert not balance([paid(PaymentKind.REFUNDED, "A")], "USD").partially_returned


def test_of_equal_terminal_facts_the_lower_id_stands_and_lifting_takes_those_before() -> None:
    at = Evidence(event_id=UUID(int=2), event_time=NOW, source="GYG", event_type=EventType.CANCELLED)
    same = evolve(at, event_id=UUID(int=1))
    facts = BookingFacts(
        terminals={at.event_id: (TerminalStatus.CANCELLED, at), same.event_id: (TerminalStatus.NO_SHOW, same)}
    )
    assert terminal_fact(facts) == (TerminalStatus.NO_SHOW, same)
    lifted_at_that_instant = evolve(facts, reinstated=evolve(at, event_id=UUID(int=3)))
    assert terminal_fact(lifted_at_that_instant) == (TerminalStatus.NO_SHOW, same)
    later = evolve(facts, reinstated=evolve(at, event_id=UUID(int=3), event_time=NOW + timedelta(microseconds=1)))
    assert terminal_fact(later) is None


@pytest.mark.parametrize(
    ("stated", "refs"),
    [
        (1042, ["1042"]),
        (" web 7 ", ["WEB7"]),
        ("", []),
        (None, []),
        (True, []),
        (1.5, []),
        (["1"], []),
        ("x" * 128, ["X" * 128]),
        ("x" * 129, []),
    ],
)
def test_the_shops_own_booking_id_finds_the_booking(stated: object, refs: list[str]) -> None:
    found = external_references(event(raw={"providerPayload": {"bookingId": stated}}))
    assert found == tuple(ExternalReference("BALISNAP_BOOKING_ID", ref) for ref in refs)


def test_other_payloads_name_no_booking() -> None:
    payloads: tuple[Any, ...] = (None, [], "text", {"id": 7})
    for payload in payloads:
        assert external_references(event(raw={"providerPayload": payload})) == ()
    assert external_references(event()) == ()


def shop_payment(**changed: object) -> BookingFacts | SchemaMismatch:
    payload = {
        "paymentRef": " CAP-1 ",
        "orderId": "ORD-1",
        "paymentStatus": "completed",
        "capturedAmount": "150.00",
        "currency": " usd ",
        "capturePayload": {"create_time": "2026-05-01T09:00:00-07:00"},
        **changed,
    }
    return facts_of(event(raw={"providerPayload": payload}), UUID(int=1))


def test_a_shop_event_states_its_payment_in_the_providers_payload() -> None:
    facts = shop_payment()
    assert isinstance(facts, BookingFacts)
    [payment] = facts.payments.values()
    assert (payment.provider, payment.reference, payment.order_id, payment.kind) == (
        "PAYPAL",
        "CAP-1",
        "ORD-1",
        "captured",
    )
    assert (payment.amount, payment.currency, payment.raw_status) == (Decimal("150.00"), "USD", "completed")
    assert payment.instant == datetime(2026, 5, 1, 16, tzinfo=UTC)
    assert (payment.event_time, payment.origin, payment.weak) == (datetime(2026, 5, 1, 10, tzinfo=UTC), 1, False)


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"paymentRef": ""}, "raw.providerPayload: paymentRef and paymentStatus must be short, non-empty strings"),
        (
            {"paymentRef": "x" * 129},
            "raw.providerPayload: paymentRef and paymentStatus must be short, non-empty strings",
        ),
        ({"paymentRef": 7}, "raw.providerPayload: paymentRef and paymentStatus must be short, non-empty strings"),
        ({"paymentStatus": None}, "raw.providerPayload: paymentRef and paymentStatus must be short, non-empty strings"),
        (
            {"paymentStatus": "x" * 65},
            "raw.providerPayload: paymentRef and paymentStatus must be short, non-empty strings",
        ),
        ({"paymentStatus": "TELEPORTED"}, "unknown payment status 'TELEPORTED' of PAYPAL"),
        ({"capturedAmount": None}, "raw.providerPayload: capturedAmount must be a number"),
        ({"capturedAmount": True}, "raw.providerPayload: capturedAmount must be a number"),
        ({"capturedAmount": "much"}, "raw.providerPayload: capturedAmount must be a number"),
        ({"capturedAmount": "Infinity"}, "raw.providerPayload: capturedAmount must be a number"),
        ({"capturedAmount": -1}, "raw.providerPayload: an amount is at least 0 and below 10000000000"),
        ({"capturedAmount": 1.005}, "raw.providerPayload: an amount in USD has at most 2 decimals"),
        ({"currency": "IDR", "capturedAmount": 1.5}, "raw.providerPayload: an amount in IDR has at most 0 decimals"),
        ({"currency": 7}, "raw.providerPayload: '' is not an ISO 4217 currency"),
        ({"currency": "QQQ"}, "raw.providerPayload: 'QQQ' is not an ISO 4217 currency"),
    ],
)
def test_a_payload_that_means_nothing_is_named_never_guessed(changed: dict[str, object], detail: str) -> None:
    assert shop_payment(**changed) == SchemaMismatch(detail)


@pytest.mark.parametrize(
    ("capture", "instant"),
    [
        ({"update_time": "2026-05-01T11:00:00Z", "create_time": "2026-05-01T09:00:00Z"}, "11:00"),
        ({"update_time": "yesterday", "create_time": "2026-05-01T09:00:00.123456789Z"}, "09:00"),
        ({"update_time": 7}, "10:00"),
        ([], "10:00"),
        (None, "10:00"),
    ],
)
def test_the_instant_of_a_payment_is_the_providers_else_the_events(capture: object, instant: str) -> None:
    facts = shop_payment(capturePayload=capture)
    assert isinstance(facts, BookingFacts)
    [payment] = facts.payments.values()
    assert f"{payment.instant:%H:%M}" == instant


def test_a_short_reference_may_have_its_longest_form() -> None:
    facts = shop_payment(paymentRef="x" * 128, paymentStatus="COMPLETED", orderId=" " * 3)
    assert isinstance(facts, BookingFacts)
    [payment] = facts.payments.values()
    assert (payment.reference, payment.order_id) == ("x" * 128, None)


def test_a_second_is_cut_not_rounded() -> None:
    assert second_of(datetime(2026, 5, 1, 10, 0, 0, 999_999, tzinfo=UTC)) == datetime(2026, 5, 1, 10, tzinfo=UTC)


def test_a_lock_number_is_the_same_in_every_process() -> None:
    numbers = [BookingIdentity("GYG", Ref(ref)).lock_number() for ref in ("GYG1", "GYG2")]
    assert numbers == [3277818849282683784, -5157414324991846277]  # signed, 64 bits: what a database's lock takes


def test_days_and_times_are_written_as_text() -> None:
    made = converter()
    assert made.unstructure(date(2026, 7, 14)) == "2026-07-14"
    assert made.structure("2026-07-14", date) == date(2026, 7, 14)
    assert made.structure(made.unstructure(time(3, 30)), time) == time(3, 30)
    assert made.structure(made.unstructure(NOW), datetime) == NOW
    facts = said(customer=PERSON, booking=FULL)
    assert made.unstructure(facts) == facts_to_document(facts)
    assert made.structure(made.unstructure(facts), BookingFacts) == facts


def test_a_document_lists_each_event_once() -> None:
    facts = merge(said(), said(2, "UPDATED", "2026-05-02T10:00:00Z", booking={"adult": 3}))
    document = facts_to_document(facts)
    assert [row[0][-1] for row in document["events"]] == ["1", "2"]
    assert all(len(row) == 4 for row in document["events"])
    assert document["registers"]["adult"] == [3, 0, 1]
    assert document["created"] == {"adult": [2, 0, 0]}  # the only one that no longer holds
    assert set(document["original"]) == facts.created.keys() - {"adult"}
    assert (document["first"], document["creation"]) == (0, 0)
    assert document.keys() == {"events", "registers", "original", "created", "first", "creation"}
    assert facts.first is not None
    legacy = evolve(facts.first, origin=0)
    assert facts_to_document(BookingFacts(first=legacy))["events"][0][4:] == [0, 0, 0]
    for changed in (evolve(facts.first, proof=1), evolve(facts.first, tie=1)):
        assert len(facts_to_document(BookingFacts(first=changed))["events"][0]) == 7


def test_what_an_event_says_has_its_source_and_no_quality_but_for_contacts() -> None:
    facts = said(customer={**PERSON, "phone": ""}, booking={**FULL, "note": " "})
    assert {about: fact.quality for about, fact in facts.registers.items() if fact.quality} == {
        Field.NAME: 3,
        Field.EMAIL: 3,
        Field.PHONE: 1,
    }
    assert facts.registers[Field.TOTAL_PRICE].quality == facts.registers[Field.PACKAGE].quality == 0
    assert (facts.registers[Field.NOTE].value, facts.registers[Field.PHONE].value) == (None, None)
    assert facts.first is not None
    assert (facts.first.source, facts.first.event_type, facts.first.origin) == ("DIRECT", EventType.CREATED, 1)
    assert facts.created.keys() == facts.registers.keys() - {Field.TOTAL_PRICE, Field.NOTE}
    assert facts.creation == facts.first
    update = said(2, "UPDATED", booking={"adult": 4})
    assert (update.created, update.creation, update.terminals) == ({}, None, {})
    cancel = said(3, "CANCELLED")
    assert list(cancel.terminals.values()) == [(TerminalStatus.CANCELLED, cancel.first)]


def test_of_two_acknowledgements_the_one_that_saw_more_holds() -> None:
    first = said(**GOOD)
    second = said(2, "UPDATED", "2026-05-02T10:00:00Z", booking={"adult": 3})
    seen_first, seen_both = acknowledge(first), acknowledge(merge(first, second))
    for order in ((seen_first, seen_both), (seen_both, seen_first)):
        facts = merge(merge(first, second), merge(*order))
        assert facts.acknowledged == seen_both.acknowledged
        assert project(facts, NO_OPS, BEFORE).fulfilment_status is FulfilmentStatus.NEW
    assert shown(first, second, seen_first).fulfilment_status is FulfilmentStatus.UPDATED


def test_a_refunded_booking_is_not_paid_at_any_time() -> None:
    refund = said(2, "UPDATED", payment=money("REFUNDED", "REF-1"))
    booking = shown(said(payment=CAPTURE, **GOOD), refund)
    assert (booking.payment_status, booking.paid_at) == (PaymentStatus.REFUNDED, None)


def test_a_booking_currency_stands_in_for_a_balance() -> None:
    total = balance([paid(PaymentKind.CAPTURED, "A", "5", currency=None)], "EUR")
    assert dict(total.captured) == {"EUR": Decimal(5)}


def test_a_shop_payment_keeps_the_currency_of_its_own_event() -> None:
    payload = {"providerPayload": {"paymentRef": "CAP-1", "paymentStatus": "COMPLETED", "capturedAmount": 20}}
    first = said(raw=payload)  # its own price is in USD
    later = said(2, "UPDATED", "2026-05-02T10:00:00Z", booking={"currency": "EUR", "totalPrice": 18})
    assert [p.currency for p in shown(first, later).payments] == ["USD"]
