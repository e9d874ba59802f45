"""Bodies that break a rule: every problem in one pass, each with its path, machine string and sentence. Source: event v1."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from bst_domain.booking import PackageRef, PackageRefType
from bst_domain.ingest import BookingEvent, PaymentReport, Problem, parse_event
from bst_domain.values import BookingIdentity, EventType, Money, normalise_ref

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEY = "6b647a19-b987-5dd4-8c1e-94bceb859370"
GOOD: dict[str, Any] = {
    "payloadVersion": "v1",
    "eventType": "CREATED",
    "eventTime": "2026-05-01T10:00:00Z",
    "source": "GYG",
    "externalBookingRef": "gyg-1",
    "booking": {"tourDate": "2026-07-14", "adult": 2},
}
PAY: dict[str, Any] = {
    "provider": "paypal",
    "reference": "CAP-1",
    "status": "COMPLETED",
    "amount": 150,
    "currency": "USD",
    "time": "2026-05-01T10:00:05Z",
}


def b(**members: Any) -> dict[str, Any]:
    """The good ``booking`` with these members instead."""
    return {**GOOD["booking"], **members}


#: What replaces members of the good body -> (path, sentence) of every problem; the code is the path's own.
BROKEN: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"payloadVersion": None}, [("payloadVersion", "payloadVersion must be a string")]),
    ({"eventType": 7}, [("eventType", "eventType must be a string")]),
    ({"externalBookingRef": 7}, [("externalBookingRef", "externalBookingRef must be a string")]),
    (
        {"externalBookingRef": "x" * 129},
        [("externalBookingRef", "externalBookingRef must have at most 128 characters")],
    ),
    ({"customer": []}, [("customer", "customer must be an object")]),
    ({"customer": {"name": 7}}, [("customer.name", "customer.name must be a string or null")]),
    ({"customer": {"name": "x" * 192}}, [("customer.name", "customer.name must have at most 191 characters")]),
    ({"customer": {"email": "x" * 192}}, [("customer.email", "customer.email must have at most 191 characters")]),
    ({"customer": {"phone": "x" * 65}}, [("customer.phone", "customer.phone must have at most 64 characters")]),
    ({"booking": None}, [("booking", "booking must be an object")]),
    ({"booking": []}, [("booking", "booking must be an object")]),
    (
        {"booking": {}},
        [
            ("booking.tourDate", "booking.tourDate is required in CREATED"),
            ("booking.adult", "booking.adult is required in CREATED"),
        ],
    ),
    ({"booking": b(tourDate="2026-02-30")}, [("booking.tourDate", "booking.tourDate must be a day, YYYY-MM-DD")]),
    ({"booking": b(tourDate=None)}, [("booking.tourDate", "booking.tourDate must be a day, YYYY-MM-DD")]),
    ({"booking": b(tourTime="24:00")}, [("booking.tourTime", "booking.tourTime must be a time of day, HH:MM")]),
    ({"booking": b(tourTime=8)}, [("booking.tourTime", "booking.tourTime must be a time of day, HH:MM")]),
    ({"booking": b(adult=-1)}, [("booking.adult", "booking.adult must be an integer from 0 to 999")]),
    ({"booking": b(adult=1000)}, [("booking.adult", "booking.adult must be an integer from 0 to 999")]),
    ({"booking": b(child=True)}, [("booking.child", "booking.child must be an integer from 0 to 999")]),
    ({"booking": b(infant=1.5)}, [("booking.infant", "booking.infant must be an integer from 0 to 999")]),
    (
        {"booking": b(currency="USD")},
        [("booking.totalPrice", "booking.currency and booking.totalPrice come together or not at all")],
    ),
    (
        {"booking": b(totalPrice=1)},
        [("booking.currency", "booking.currency and booking.totalPrice come together or not at all")],
    ),
    (
        {"booking": b(currency="XXX", totalPrice=1)},
        [("booking.currency", "booking.currency must be an ISO 4217 currency code")],
    ),
    (
        {"booking": b(currency=7, totalPrice=1)},
        [("booking.currency", "booking.currency must be an ISO 4217 currency code")],
    ),
    ({"booking": b(currency="USD", totalPrice="1")}, [("booking.totalPrice", "booking.totalPrice must be a number")]),
    ({"booking": b(currency="USD", totalPrice=True)}, [("booking.totalPrice", "booking.totalPrice must be a number")]),
    (
        {"booking": b(currency="USD", totalPrice=-1)},
        [("booking.totalPrice", "booking.totalPrice: an amount is at least 0 and below 10000000000")],
    ),
    (
        {"booking": b(currency="USD", totalPrice=1.005)},
        [("booking.totalPrice", "booking.totalPrice: an amount in USD has at most 2 decimals")],
    ),
    (
        {"booking": b(currency="XXX", totalPrice=-1)},
        [
            ("booking.currency", "booking.currency must be an ISO 4217 currency code"),
            ("booking.totalPrice", "booking.totalPrice: an amount is at least 0 and below 10000000000"),
        ],
    ),
    ({"booking": b(pickupLocation=7)}, [("booking.pickupLocation", "booking.pickupLocation must be a string or null")]),
    (
        {"booking": b(meetingPoint="x" * 2001)},
        [("booking.meetingPoint", "booking.meetingPoint must have at most 2000 characters")],
    ),
    ({"booking": b(note=[])}, [("booking.note", "booking.note must be a string or null")]),
    (
        {"booking": b(packageRefType="TOUR")},
        [
            (
                "booking.packageRefType",
                "booking.packageRefType must be one of LEGACY_PACKAGE, CATALOG_PRODUCT, CATALOG_VARIANT",
            )
        ],
    ),
    (
        {"booking": b(packageRefType=7)},
        [
            (
                "booking.packageRefType",
                "booking.packageRefType must be one of LEGACY_PACKAGE, CATALOG_PRODUCT, CATALOG_VARIANT",
            )
        ],
    ),
    (
        {"booking": b(packageRefKey=KEY)},
        [
            (
                "booking.packageRefType",
                "booking.packageRefType must be one of LEGACY_PACKAGE, CATALOG_PRODUCT, CATALOG_VARIANT",
            )
        ],
    ),
    (
        {"booking": b(packageRefType="CATALOG_VARIANT")},
        [
            (
                "booking.packageRefKey",
                "booking.packageRefKey must be a UUID; null is for an unmapped LEGACY_PACKAGE only",
            )
        ],
    ),
    (
        {"booking": b(packageRefType="CATALOG_VARIANT", packageRefKey="{" + KEY + "}")},
        [
            (
                "booking.packageRefKey",
                "booking.packageRefKey must be a UUID; null is for an unmapped LEGACY_PACKAGE only",
            )
        ],
    ),
    (
        {"booking": b(packageRefType="CATALOG_VARIANT", packageRefKey="x" * 36)},
        [
            (
                "booking.packageRefKey",
                "booking.packageRefKey must be a UUID; null is for an unmapped LEGACY_PACKAGE only",
            )
        ],
    ),
    (
        {"booking": b(packageRefType="LEGACY_PACKAGE", packageRefKey=7)},
        [
            (
                "booking.packageRefKey",
                "booking.packageRefKey must be a UUID; null is for an unmapped LEGACY_PACKAGE only",
            )
        ],
    ),
    (
        {"booking": b(legacyPackageId="7")},
        [("booking.legacyPackageId", "booking.legacyPackageId must be an integer or null")],
    ),
    (
        {"booking": b(legacyPackageId=True)},
        [("booking.legacyPackageId", "booking.legacyPackageId must be an integer or null")],
    ),
    ({"payment": None}, [("payment", "payment must be an object")]),
    ({"payment": []}, [("payment", "payment must be an object")]),
    (
        {"payment": {}},
        [
            ("payment.provider", "payment.provider must be a string"),
            ("payment.reference", "payment.reference must be a string"),
            ("payment.status", "payment.status must be a string"),
            ("payment.amount", "payment.amount must be a number"),
            ("payment.currency", "payment.currency must be an ISO 4217 currency code"),
            ("payment.time", "payment.time must be an ISO 8601 instant with a zone"),
        ],
    ),
    ({"payment": {**PAY, "provider": " "}}, [("payment.provider", "payment.provider must have 1 to 64 characters")]),
    (
        {"payment": {**PAY, "provider": "x" * 65}},
        [("payment.provider", "payment.provider must have 1 to 64 characters")],
    ),
    (
        {"payment": {**PAY, "reference": "x" * 129}},
        [("payment.reference", "payment.reference must have 1 to 128 characters")],
    ),
    ({"payment": {**PAY, "orderId": 7}}, [("payment.orderId", "payment.orderId must be a string or null")]),
    (
        {"payment": {**PAY, "orderId": "x" * 129}},
        [("payment.orderId", "payment.orderId must have at most 128 characters")],
    ),
    ({"payment": {**PAY, "status": ""}}, [("payment.status", "payment.status must have 1 to 64 characters")]),
    ({"payment": {**PAY, "amount": "1"}}, [("payment.amount", "payment.amount must be a number")]),
    (
        {"payment": {**PAY, "currency": "IDR", "amount": 1.5}},
        [("payment.amount", "payment.amount: an amount in IDR has at most 0 decimals")],
    ),
    (
        {"payment": {**PAY, "currency": None}},
        [("payment.currency", "payment.currency must be an ISO 4217 currency code")],
    ),
    ({"payment": {**PAY, "time": "now"}}, [("payment.time", "payment.time must be an ISO 8601 instant with a zone")]),
    ({"payment": {**PAY, "time": 7}}, [("payment.time", "payment.time must be an ISO 8601 instant with a zone")]),
    ({"raw": []}, [("raw", "raw must be an object")]),
]
#: The same for problems that have a code of their own.
NAMED: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"payloadVersion": " "}, ("payloadVersion", "EMPTY_FIELD_PAYLOADVERSION", "payloadVersion must not be empty")),
    ({"payloadVersion": " v2 "}, ("payloadVersion", "UNSUPPORTED_PAYLOAD_VERSION:v2", "payloadVersion must be v1")),
    (
        {"eventType": "DELETED"},
        ("eventType", "UNSUPPORTED_EVENT_TYPE:DELETED", "eventType must be one of CREATED, UPDATED, CANCELLED"),
    ),
    (
        {"source": "KLOOK"},
        ("source", "UNSUPPORTED_SOURCE:KLOOK", "source must be one of DIRECT, GYG, VIATOR, BOKUN, TRIPDOTCOM, MANUAL"),
    ),
    ({"source": ""}, ("source", "EMPTY_FIELD_SOURCE", "source must not be empty")),
    (
        {"eventTime": "yesterday"},
        ("eventTime", "INVALID_EVENT_TIME", "eventTime must be an ISO 8601 instant with a zone"),
    ),
    (
        {"eventTime": "1999-12-31T23:59:59Z"},
        ("eventTime", "EVENT_TIME_OUT_OF_RANGE", "eventTime must not be before 2000 or more than 24 hours ahead"),
    ),
    (
        {"eventTime": "2026-06-02T00:00:00.000001Z"},
        ("eventTime", "EVENT_TIME_OUT_OF_RANGE", "eventTime must not be before 2000 or more than 24 hours ahead"),
    ),
    (
        {"externalBookingRef": " "},
        ("externalBookingRef", "EMPTY_FIELD_EXTERNALBOOKINGREF", "externalBookingRef must not be empty"),
    ),
]


@pytest.mark.parametrize(("changed", "problems"), BROKEN)
def test_every_problem_is_found_in_one_pass(changed: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    expected = tuple(
        Problem(path, f"INVALID_FIELD_{path.upper().replace('.', '_')}", sentence) for path, sentence in problems
    )
    assert parse_event({**GOOD, **changed}, now=NOW) == expected


@pytest.mark.parametrize(("changed", "problem"), NAMED)
def test_some_problems_have_a_name_of_their_own(changed: dict[str, Any], problem: tuple[str, str, str]) -> None:
    assert parse_event({**GOOD, **changed}, now=NOW) == (Problem(*problem),)


@pytest.mark.parametrize("missing", GOOD)
def test_a_missing_member_is_required(missing: str) -> None:
    body = {name: value for name, value in GOOD.items() if name != missing}
    code = f"INVALID_FIELD_{missing.upper()}"
    assert parse_event(body, now=NOW) == (Problem(missing, code, f"{missing} is required"),)


def test_what_is_no_object_is_no_event() -> None:
    bodies: list[Any] = [[], "text", 7, None]
    for body in bodies:
        problem = Problem("", "INVALID_INGEST_PAYLOAD", "the body must be a JSON object")
        assert parse_event(body, now=NOW) == (problem,)


def test_a_long_word_is_cut_in_its_code() -> None:
    [problem] = parse_event({**GOOD, "payloadVersion": "x" * 100}, now=NOW)  # type: ignore[misc]  # problems, here
    assert problem.code == "UNSUPPORTED_PAYLOAD_VERSION:" + "x" * 64
    [problem] = parse_event({**GOOD, "source": "x" * 100}, now=NOW)  # type: ignore[misc]  # problems, here
    assert problem.code == "UNSUPPORTED_SOURCE:" + "X" * 64


def test_a_good_body_becomes_an_event_member_by_member() -> None:
    body = {
        "payloadVersion": " V1 ",
        "eventType": " created",
        "eventTime": " 2026-05-01T18:00:00.123456+08:00 ",
        "source": "gyg",
        "externalBookingRef": " gyg 1 ",
        "customer": {"name": " Annika ", "email": None, "other": 7},
        "booking": b(
            tourDate=" 2026-07-14 ",
            tourTime=" 03:30 ",
            child=0,
            infant=999,
            currency=" usd ",
            totalPrice=99.5,
            pickupLocation=" Kuta ",
            meetingPoint=None,
            note="",
            packageRefType=" catalog_variant ",
            packageRefKey=f" {KEY} ",
            legacyPackageId=7,
            unknown=1,
        ),
        "payment": {**PAY, "orderId": " ORD-1 ", "amount": 0.5, "currency": " eur ", "time": " 2026-05-01T10:00:05Z "},
        "raw": {"providerPayload": {"any": ["thing"]}},
        "unknown": True,
    }
    assert parse_event(body, now=NOW) == BookingEvent(
        event_type=EventType.CREATED,
        event_time=datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC),
        identity=BookingIdentity("GYG", normalise_ref("GYG1")),
        customer={"name": "Annika", "email": None},
        booking={
            "tourDate": "2026-07-14",
            "tourTime": "03:30",
            "adult": 2,
            "child": 0,
            "infant": 999,
            "pickupLocation": "Kuta",
            "meetingPoint": None,
            "note": "",
        },
        money=Money("USD", Decimal("99.50")),
        package=PackageRef(PackageRefType.CATALOG_VARIANT, UUID(KEY), 7),
        payment=PaymentReport(
            provider="PAYPAL",
            reference="CAP-1",
            order_id="ORD-1",
            status="COMPLETED",
            amount=Decimal("0.50"),
            currency="EUR",
            instant=datetime(2026, 5, 1, 10, 0, 5, tzinfo=UTC),
        ),
        provider_payload={"any": ["thing"]},
    )


def test_the_bounds_are_inside() -> None:
    edges: list[dict[str, Any]] = [
        {"eventTime": "2000-01-01T00:00:00Z"},
        {"eventTime": (NOW + timedelta(hours=24)).isoformat()},
        {"externalBookingRef": "x" * 128},
        {"customer": {"name": "x" * 191, "email": "x" * 191, "phone": "x" * 64}},
        {"booking": b(adult=0, child=999)},
        {"booking": b(note="x" * 2000)},
        {"booking": b(currency="USD", totalPrice=0)},
        {"payment": {**PAY, "provider": "x" * 64, "reference": "x" * 128, "status": "x" * 64, "orderId": ""}},
        {"booking": {}, "eventType": "UPDATED"},
        {"booking": b(packageRefType="LEGACY_PACKAGE")},
    ]
    for changed in edges:
        assert isinstance(parse_event({**GOOD, **changed}, now=NOW), BookingEvent), changed
