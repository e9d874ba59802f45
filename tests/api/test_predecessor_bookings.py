"""A caller who knows the predecessor's page and changed a base URL: bookings and mappings, routes 15 to 25.

Written from predecessor/http-api.md and contract/deviations.md alone, case by case: status, machine string, members, types.
What those pages leave open is not asked here.
"""

from typing import Any

import pytest

from bst_testing.deliveries import body
from tests.api.harness import Api
from tests.api.predecessor import NOBODY, Caller

BOOKING = {
    "bookingKey",
    "channelCode",
    "externalBookingRef",
    "customerPaymentStatus",
    "opsFulfillmentStatus",
    "note",
    "meetingPoint",
    "assignedDriverId",
}


async def test_ops_bookings(api: Api, call: Caller) -> None:
    await api.accept(body(ref="WEB-1"))
    listed = await call.data("GET", "/v1/ops/bookings", status=200)
    assert isinstance(listed, list)
    assert set(listed[0]) >= BOOKING
    booking = await call.data("GET", "/v1/ops/bookings/web-1", status=200)
    assert {name: booking[name] for name in BOOKING} == {name: listed[0][name] for name in BOOKING}
    assert (await call.data("GET", f"/v1/ops/bookings/{booking['bookingKey']}", status=200))[
        "externalBookingRef"
    ] == "WEB-1"
    assert await call.refused("GET", "/v1/ops/bookings/NOPE-1") == (404, "Booking not found: NOPE-1")

    at = "/v1/ops/bookings/WEB-1"
    empty = await call.data("PATCH", at, {}, status=200)
    assert (empty["packageRefType"], empty["packageRefKey"]) == (None, None)
    assert set(empty) == {"booking", "packageRefType", "packageRefKey"}
    noted = await call.data("PATCH", at, {"note": "  early  ", "meetingPoint": " the pier "}, status=200)
    assert (noted["booking"]["note"], noted["booking"]["meetingPoint"]) == ("early", "the pier")
    cleared = await call.data("PATCH", at, {"note": " ", "meetingPoint": ""}, status=200, role="MANAGER")
    assert (cleared["booking"]["note"], cleared["booking"]["meetingPoint"]) == (None, None)
    assert (await call.data("PATCH", at, {"note": None}, status=200))["booking"]["note"] is None
    legacy = await call.data("PATCH", at, {"packageRefType": "legacy_package"}, status=200)
    assert legacy["packageRefType"] == "LEGACY_PACKAGE"
    assert await call.refused("PATCH", at, {"packageRefType": "Odd"}) == (400, "INVALID_PACKAGE_REF_TYPE:Odd")
    assert await call.refused("PATCH", at, {"packageRefType": " "}) == (400, "EMPTY_FIELD_PACKAGEREFTYPE")
    unfit: list[Any] = [
        {"packageRefKey": "no-uuid"},
        {"packageRefType": "CATALOG_PRODUCT", "packageRefKey": NOBODY},
        {"note": 7},
        [],
    ]
    for wrong in unfit:
        assert (await call.refused("PATCH", at, wrong))[0] == 400
    assert await call.refused("PATCH", "/v1/ops/bookings/NOPE", {}) == (404, "Booking not found: NOPE")

    sent: Any
    for sent, driver in ((8, 8), ("8.9", 8), ("12", 12), (7.9, 7)):
        assert (await call.data("POST", f"{at}/assign", {"driverId": sent}, status=201))["assignedDriverId"] == driver
    for sent in ({}, {"driverId": 0}, {"driverId": -3}, {"driverId": "x"}, {"driverId": None}):
        assert await call.refused("POST", f"{at}/assign", sent) == (400, "INVALID_DRIVER_ID")
    assert (await call.refused("POST", f"{at}/assign", {"driverId": 2**31}))[0] == 400
    synced = await call.data("POST", f"{at}/status/sync", status=201)
    assert set(synced) >= BOOKING
    freed = await call.data("POST", f"{at}/unassign", status=201)
    assert freed["assignedDriverId"] is None
    assert (await call.data("POST", f"{at}/unassign", status=201))["assignedDriverId"] is None
    for what in ("assign", "unassign", "status/sync"):
        sent = {"driverId": 3}
        assert await call.refused("POST", f"/v1/ops/bookings/NOPE/{what}", sent) == (404, "Booking not found: NOPE")


async def test_the_same_reference_in_two_channels_is_nobodys(api: Api, call: Caller) -> None:
    await api.accept(body(ref="X-1"), body(ref="X-1", source="GYG"))
    assert await call.refused("GET", "/v1/ops/bookings/x-1") == (409, "AMBIGUOUS_BOOKING_REF")
    assert await call.refused("PATCH", "/v1/ops/bookings/x-1", {"note": "a"}) == (409, "AMBIGUOUS_BOOKING_REF")
    assert await call.refused("POST", "/v1/ops/bookings/x-1/assign", {"driverId": 1}) == (409, "AMBIGUOUS_BOOKING_REF")


MAPPING = ["mappingId", "entityType", "channelCode", "externalRefKind", "externalRef", "entityKey", "mappingStatus"]
UNMAPPED = [
    "queueId",
    "queueType",
    "channelCode",
    "sourceSystem",
    "sourceTable",
    "sourcePk",
    "reasonCode",
    "reasonDetail",
    "status",
]


async def test_channel_mappings(api: Api, call: Caller) -> None:
    await api.accept(body(ref="WEB-1"), body(ref="WEB-2"))
    one, two = [(await call.data("GET", f"/v1/ops/bookings/WEB-{n}", status=200))["bookingKey"] for n in (1, 2)]
    at = "/v1/channel-mappings"
    new = {
        "entityType": "booking",
        "channelCode": "gyg",
        "externalRefKind": "reseller_ref",
        "externalRef": "R-1",
        "entityKey": one,
    }
    made = await call.data("POST", at, new, status=201)
    assert set(made) >= set(MAPPING)
    assert (
        made["entityType"],
        made["channelCode"],
        made["externalRefKind"],
        made["externalRef"],
        made["mappingStatus"],
    ) == (
        "BOOKING",
        "GYG",
        "RESELLER_REF",
        "R-1",
        "MAPPED",
    )
    assert (await call.data("POST", at, new, status=201))["mappingId"] == made["mappingId"]
    assert (await call.refused("POST", at, {**new, "entityKey": two}))[0] == 409
    moved = await call.data("POST", at, {**new, "entityKey": two, "replace": True}, status=201)
    assert (moved["mappingId"], moved["entityKey"]) == (made["mappingId"], two)
    for member in ("entityType", "channelCode", "externalRefKind", "externalRef", "entityKey"):
        name = member.upper()
        assert await call.refused("POST", at, {k: v for k, v in new.items() if k != member}) == (
            400,
            f"INVALID_FIELD_{name}",
        )
        assert await call.refused("POST", at, {**new, member: "  "}) == (400, f"EMPTY_FIELD_{name}")
    assert await call.refused("POST", at, {**new, "channelCode": "NOWHERE"}) == (
        400,
        "CHANNEL_OR_ENTITY_REFERENCE_INVALID",
    )
    for wrong in (
        {"entityKey": "book_demo_001"},
        {"mappingStatus": "FOO"},
        {"externalRef": "x" * 129},
        {"channelCode": 7},
    ):
        assert (await call.refused("POST", at, {**new, **wrong}))[0] == 400

    for status in ("UNMAPPED", "REVIEW_REQUIRED", "MAPPED"):
        assert (await call.data("PATCH", f"{at}/{made['mappingId']}", {"mappingStatus": status}, status=200))[
            "mappingStatus"
        ] == status
        [listed] = await call.data("GET", f"{at}?entityType=booking&channelCode=gyg", status=200)
        assert (listed["mappingId"], listed["mappingStatus"]) == (made["mappingId"], status)
    assert await call.data("PATCH", f"{at}/{made['mappingId']}", {}, status=200) == await call.data(
        "PATCH", f"{at}/{made['mappingId']}", {}, status=200
    )
    await call.data("POST", at, {**new, "externalRef": "R-2"}, status=201)
    assert await call.refused("PATCH", f"{at}/{made['mappingId']}", {"externalRef": "R-2"}) == (
        409,
        "CHANNEL_MAPPING_DUPLICATE_REF",
    )
    assert await call.refused("PATCH", f"{at}/{NOBODY}", {}) == (404, f"Channel mapping not found: {NOBODY}")
    assert (await call.refused("PATCH", f"{at}/no-uuid", {}))[0] == 404
    for nowhere in (f"channelCode={'x' * 40}", f"entityType={'x' * 40}"):
        assert await call.data("GET", f"{at}?{nowhere}", status=200) == []
    assert [m["externalRef"] for m in await call.data("GET", f"{at}?limit=1", status=200, role="STAFF")] == ["R-2"]


async def test_the_unmapped_queue(api: Api, call: Caller) -> None:
    await api.do(
        "insert into unmapped_queue (queue_key, queue_type, source_system, source_table, source_pk, reason_code)"
        " select gen_random_uuid(), 'PRODUCT_MAPPING', 'balisnap', 'TourProduct', n::text, 'NO_MATCH'"
        " from generate_series(1, 3) n"
    )
    at = "/v1/channel-mappings/unmapped"
    listed = await call.data("GET", f"{at}?status=open&queueType=product_mapping", status=200)
    assert len(listed) == 3
    assert set(listed[0]) >= set(UNMAPPED)
    assert listed[0]["channelCode"] is None
    assert listed[0]["reasonDetail"] is None or isinstance(listed[0]["reasonDetail"], str)
    assert await call.refused("GET", f"{at}?status=Odd") == (400, "INVALID_UNMAPPED_STATUS:Odd")
    assert await call.data("GET", f"{at}?queueType={'x' * 100}", status=200) == []
    entry = f"{at}/{listed[0]['queueId']}/status"
    assert (await call.data("PATCH", f"{entry}/in_review", status=200))["status"] == "IN_REVIEW"
    assert (await call.data("PATCH", f"{entry}/RESOLVED", status=200))["status"] == "RESOLVED"
    assert (await call.refused("PATCH", f"{entry}/OPEN"))[0] == 409
    assert (await call.data("PATCH", f"{entry}/CLOSED", status=200))["status"] == "CLOSED"
    assert await call.refused("PATCH", f"{entry}/Odd") == (400, "INVALID_UNMAPPED_STATUS:Odd")
    assert await call.refused("PATCH", f"{at}/{NOBODY}/status/CLOSED") == (404, f"Unmapped queue not found: {NOBODY}")


async def test_a_reference_may_have_a_slash(api: Api, call: Caller) -> None:
    """BA escapes it as ``%2F``."""
    await api.accept(body(ref="AB/12"))
    at = "/v1/ops/bookings/ab%2f12"
    assert (await call.data("GET", at, status=200))["externalBookingRef"] == "AB/12"
    assert (await call.data("PATCH", at, {"note": "n"}, status=200))["booking"]["note"] == "n"
    assert (await call.data("POST", "/v1/ops/bookings/AB%2F12/assign", {"driverId": 4}, status=201))[
        "assignedDriverId"
    ] == 4
    assert await call.refused("GET", "/v1/ops/bookings/A%2FB%2520C") == (404, "Booking not found: A/B%20C")
    assert await call.refused("GET", "/v1/catalog/publish/jobs/a%2Fb") == (404, "Catalog publish job not found: a/b")
    assert await call.refused("GET", "/v1/ops/bookings/AB/12") == (404, "Cannot GET /v1/ops/bookings/AB/12")
    long = "X" * 400
    assert await call.refused("GET", f"/v1/ops/bookings/{long}") == (404, f"Booking not found: {long}")


async def test_operators_write_long_notes(api: Api, call: Caller) -> None:
    await api.accept(body(ref="WEB-1"))
    long = "Straße 1\n" * 2500
    noted = await call.data("PATCH", "/v1/ops/bookings/WEB-1", {"note": long, "meetingPoint": long}, status=200)
    assert (noted["booking"]["note"], noted["booking"]["meetingPoint"]) == (long.strip(), long.strip())
    assert (await call.data("GET", "/v1/ops/bookings", status=200))[0]["note"] == long.strip()


async def test_a_row_of_the_predecessors_own_keeps_what_it_says(api: Api, call: Caller) -> None:
    """Its back-fill wrote rows, and no event stands behind them: neither an edit nor an event may empty them."""
    for ref, status in (("OLD-1", "NEW"), ("OLD-2", "CANCELLED"), ("OLD-3", "UPDATED")):
        await api.do(
            "insert into booking_core (booking_key, channel_code, external_booking_ref, tour_date, currency_code, total_price,"
            " number_of_adult, customer_payment_status, ops_fulfillment_status, note, booking_created_at, package_ref_type,"
            f" legacy_package_id) values (gen_random_uuid(), 'GYG', '{ref}', '2031-01-01', 'USD', 100, 2, 'PAID', '{status}',"
            " 'an old note', '2026-01-01T00:00:00Z', 'LEGACY_PACKAGE', 7)"
        )
    await api.do(
        "insert into booking_contact (booking_key, main_name, main_email, phone, meeting_point, is_placeholder_name,"
        " is_placeholder_email, updated_from_source) select booking_key, 'Ann', 'ann@mail.test', null, 'Lobby', false, false,"
        " 'bstadmin' from booking_core"
    )
    before = await call.data("GET", "/v1/ops/bookings/OLD-1", status=200)
    kept = [
        name for name in before if name not in {"version", "updatedAt", "note", "statusReasons", "assignedDriverId"}
    ]
    shown = (before["customerPaymentStatus"], before["totalPrice"], before["tourDate"], before["meetingPoint"])
    assert shown == ("PAID", "100.00", "2031-01-01", "Lobby")

    at = "/v1/ops/bookings/old-1"
    listed = set(await call.data("PATCH", at, {}, status=200)) and (
        await call.data("GET", "/v1/ops/bookings", status=200)
    )
    assert {one["externalBookingRef"] for one in listed} == {"OLD-1", "OLD-2", "OLD-3"}
    edited = (await call.data("PATCH", at, {"note": "new"}, status=200))["booking"]
    assert edited["note"] == "new"
    assert (await call.data("POST", f"{at}/assign", {"driverId": 5}, status=201))["assignedDriverId"] == 5
    await call.data("POST", f"{at}/status/sync", status=201)
    after = await call.data("POST", f"{at}/unassign", status=201)
    assert {name: after.get(name, before[name]) for name in kept if name in after} == {
        name: before[name] for name in kept if name in after
    }
    await api.accept(body("UPDATED", ref="OLD-1", source="GYG", booking={"adult": 3}))
    told = await call.data("GET", at, status=200)
    assert (told["adult"], told["totalPrice"], told["customerPaymentStatus"]) == (3, "100.00", "PAID")
    assert (await call.data("POST", "/v1/ops/bookings/OLD-2/status/sync", status=201))[
        "opsFulfillmentStatus"
    ] == "CANCELLED"
    noted = await call.data("PATCH", "/v1/ops/bookings/OLD-3", {"note": "new"}, status=200)
    assert noted["booking"]["opsFulfillmentStatus"] == "UPDATED"
    for act, status in (("status/sync", "UPDATED"), ("acknowledge", "NEW"), ("status/sync", "NEW")):
        acted = await call.data("POST", f"/v1/ops/bookings/OLD-3/{act}", status=201)
        assert acted["opsFulfillmentStatus"] == status


async def test_bookings_of_one_instant_are_listed_by_the_youngest_row(api: Api, call: Caller) -> None:
    """``booking_created_at desc, created_at desc``: rows that the predecessor's back-fill wrote have keys in no order."""
    wanted = ["E", "B", "C", "A", "D"]
    for ref, booked, made in (("A", 2, 1), ("B", 2, 3), ("C", 2, 2), ("D", 1, 9), ("E", 3, 0)):
        await api.do(
            "insert into booking_core (booking_key, channel_code, external_booking_ref, tour_date, currency_code, total_price,"
            " customer_payment_status, ops_fulfillment_status, package_ref_type, booking_created_at, created_at) values"
            f" (md5('{ref}')::uuid, 'GYG', '{ref}', '2031-01-01', 'USD', 100, 'PAID', 'NEW', 'LEGACY_PACKAGE',"
            f" '2026-01-0{booked}T00:00:00Z', '2026-02-01T00:00:0{made}Z')"
        )
    listed = await call.data("GET", "/v1/ops/bookings", status=200)
    assert [booking["externalBookingRef"] for booking in listed] == wanted
    paged, cursor = [], ""
    while cursor is not None:
        page = (await call("GET", f"/v1/ops/bookings?limit=1&cursor={cursor}")).json()
        paged += [booking["externalBookingRef"] for booking in page["data"]]
        cursor = page["meta"]["nextCursor"]
    assert paged == wanted


@pytest.mark.parametrize(
    ("stored", "asked"), [("ab-1", "ab-1"), ("ab-1", "AB-1"), ("AB 12", "ab 12"), ("Ab-1", "Ab-1")]
)
async def test_a_reference_that_was_never_normalised_is_found_as_it_is_listed(
    api: Api, call: Caller, stored: str, asked: str
) -> None:
    await api.do(
        "insert into booking_core (booking_key, channel_code, external_booking_ref, tour_date, currency_code, total_price,"
        " customer_payment_status, ops_fulfillment_status, booking_created_at, package_ref_type) values"
        f" (gen_random_uuid(), 'GYG', '{stored}', '2031-01-01', 'USD', 100, 'PAID', 'NEW', now(), 'LEGACY_PACKAGE')"
    )
    [listed] = await call.data("GET", "/v1/ops/bookings", status=200)
    assert (await call.data("GET", f"/v1/ops/bookings/{asked}", status=200))["bookingKey"] == listed["bookingKey"]
    assert (await call.data("PATCH", f"/v1/ops/bookings/{asked}", {"note": "n"}, status=200))["booking"]["note"] == "n"
    assigned = await call.data("POST", f"/v1/ops/bookings/{asked}/assign", {"driverId": 4}, status=201)
    assert (assigned["externalBookingRef"], assigned["assignedDriverId"]) == (stored, 4)
