"""What every reader of bookings must do, told of bookings that the use cases made."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from bst_application.ids import uuid7
from bst_application.ports.reading import BookingFilter, BookingReader, BookingRow, Position
from bst_domain.values import BookingIdentity, BookingKey, ExternalRef
from bst_testing.conformance.booking_store import STORY, BookingStorage, accept, loaded, processing
from bst_testing.deliveries import body, paid

EVERYTHING = BookingFilter()


async def refs(reader: BookingReader, wanted: BookingFilter) -> list[str]:
    return [row.identity.ref for row in await reader.page(wanted, after=None, limit=50)]


class BookingReaderConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it and a ``reader`` of the same."""

    @pytest.fixture
    def storage(self) -> BookingStorage:
        raise NotImplementedError("a subclass gives the storage")

    @pytest.fixture
    def reader(self, storage: BookingStorage) -> BookingReader:
        raise NotImplementedError("a subclass gives a reader of the storage")

    async def add_alias(self, storage: BookingStorage, alias: BookingIdentity, of: BookingIdentity) -> None:
        """Records another reference of a booking."""
        raise NotImplementedError("a subclass records it")

    async def test_a_row_says_what_the_booking_says(self, storage: BookingStorage, reader: BookingReader) -> None:
        await processing(storage)(await accept(storage, *STORY))
        [row] = await reader.page(EVERYTHING, after=None, limit=10)
        stored = await loaded(storage)
        assert (row.key, row.identity, row.version) == (stored.key, stored.identity, 1)
        assert (row.payment_status, row.fulfilment_status) == ("PAID", "CANCELLED")
        assert list(row.reasons) == list(stored.statuses.reasons)
        assert row.booked_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
        assert (row.tour_date, row.tour_time) == (date(2031, 5, 1), time(8))
        assert (row.adult, row.child, row.infant) == (3, None, 1)
        assert (row.currency, row.total_price) == ("EUR", Decimal("99.50"))
        assert row.note is None
        assert (row.package_ref_key, row.legacy_package_id) == (None, 7)
        assert row.assigned_driver_id is None
        contact = row.contact
        assert (contact.name, contact.email, contact.phone_e164) == (
            "José Núñez",
            "a@mail.example.org",
            "+6281234567890",
        )
        assert (contact.is_placeholder_name, contact.is_placeholder_email) == (False, False)
        assert contact.pickup_location == "Kuta"
        assert row.created_at <= row.updated_at

    async def test_what_nobody_has_said_is_none(self, storage: BookingStorage, reader: BookingReader) -> None:
        await processing(storage)(await accept(storage, body("UPDATED", booking={"note": "vegetarian"})))
        [row] = await reader.page(EVERYTHING, after=None, limit=10)
        assert row.note == "vegetarian"
        unsaid = (row.tour_date, row.tour_time, row.adult, row.child, row.infant, row.currency, row.total_price)
        assert set(unsaid) == {None}
        assert row.contact.name is row.contact.email is row.contact.phone is None

    async def test_pages_have_no_gaps_and_no_repeats(self, storage: BookingStorage, reader: BookingReader) -> None:
        said = [body(ref=f"WEB-{n}", at=f"2026-03-01T10:00:{n % 3:02d}Z") for n in range(8)]
        await processing(storage)(await accept(storage, *said))
        seen: list[BookingRow] = []
        after: Position | None = None
        while page := await reader.page(EVERYTHING, after=after, limit=3):
            assert len(page) <= 3
            seen += page
            after = Position(at=page[-1].booked_at, key=page[-1].key)
        assert seen == await reader.page(EVERYTHING, after=None, limit=50)
        assert sorted(row.identity.ref for row in seen) == [f"WEB-{n}" for n in range(8)]
        places = [(row.booked_at, row.key) for row in seen]
        assert places == sorted(places, reverse=True)

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (BookingFilter(fulfilment="CANCELLED"), {"B"}),
            (BookingFilter(payment="PAID"), {"A"}),
            (BookingFilter(source="GYG"), {"C"}),
            (BookingFilter(date_from=date(2031, 6, 1)), {"C"}),
            (BookingFilter(date_to=date(2031, 5, 1)), {"A", "B"}),
            (BookingFilter(text="BRANDST"), {"C"}),
            (BookingFilter(text="100%"), set()),
            (BookingFilter(text="_"), set()),
            (BookingFilter(fulfilment="NEW", source="GYG"), {"C"}),
        ],
    )
    async def test_all_given_conditions_hold(
        self, storage: BookingStorage, reader: BookingReader, wanted: BookingFilter, found: set[str]
    ) -> None:
        late = body(ref="C", source="GYG", at="2026-03-09T00:00:00Z", customer={"name": "Annika Brandstätter"})
        late["booking"]["tourDate"] = "2031-07-01"
        cancelled = [body(ref="B"), body("CANCELLED", ref="B", at="2026-03-02T00:00:00Z")]
        await processing(storage)(await accept(storage, body(ref="A", raw=paid("P-1")), *cancelled, late))
        assert set(await refs(reader, wanted)) == found

    @pytest.mark.parametrize(
        "wanted",
        [
            EVERYTHING,
            BookingFilter(source="DIRECT"),
            BookingFilter(payment="PENDING_PAYMENT"),
            BookingFilter(fulfilment="NEW"),
            BookingFilter(date_to=date(2031, 5, 2)),
            BookingFilter(text="annika"),
            BookingFilter(text="annika", source="GYG"),
        ],
    )
    async def test_every_list_goes_on_behind_any_booking(
        self, storage: BookingStorage, reader: BookingReader, wanted: BookingFilter
    ) -> None:
        guest = {"name": "Annika Brandstätter"}
        said = [
            body(
                ref=f"R-{n}", source=("DIRECT", "GYG")[n % 2], at=f"20{15 + n}-03-{1 + n:02d}T10:00:00Z", customer=guest
            )
            for n in range(9)
        ]
        twins = [body(ref=f"T-{n}", source="GYG", at="2019-03-05T10:00:00Z", customer=guest) for n in range(3)]
        await processing(storage)(await accept(storage, *said, *twins, body(ref="X", at="2021-01-01T00:00:00Z")))
        rows = await reader.page(wanted, after=None, limit=50)
        places = [(row.booked_at, row.key) for row in rows]
        assert len(rows) >= 6
        assert places == sorted(places, reverse=True)
        for number, (at, key) in enumerate(places):
            for limit in (1, 2, 50):
                page = await reader.page(wanted, after=Position(at=at, key=key), limit=limit)
                assert page == rows[number + 1 : number + 1 + limit]

    async def test_what_was_recorded_after_its_tour_is_found_by_its_day(
        self, storage: BookingStorage, reader: BookingReader
    ) -> None:
        days = {"A": "2026-03-10", "B": "2026-03-01", "C": "2026-02-27", "D": "2025-12-01", "E": "2026-03-03"}
        said = [body(ref=ref, at=f"2026-03-0{n}T01:00:00Z") for n, ref in enumerate(days, start=1)]
        for one in said:
            one["booking"]["tourDate"] = days[one["externalBookingRef"]]
        await processing(storage)(await accept(storage, *said))
        assert await refs(reader, BookingFilter(date_to=date(2026, 2, 28))) == ["D", "C"]
        assert await refs(reader, BookingFilter(date_to=date(2026, 3, 2))) == ["D", "C", "B"]
        assert await refs(reader, BookingFilter(date_to=date(2026, 3, 3), fulfilment="NEW", text="a")) == []
        assert await refs(reader, BookingFilter(date_from=date(2026, 2, 28), date_to=date(2026, 3, 3))) == ["E", "B"]
        assert await refs(reader, BookingFilter(date_from=date(2026, 3, 1), date_to=date.max)) == ["E", "B", "A"]
        last_page = Position(at=datetime(2026, 3, 4, 1, tzinfo=UTC), key=uuid7())
        found = await reader.page(BookingFilter(date_to=date(2026, 3, 2)), after=last_page, limit=50)
        assert "C" in {row.identity.ref for row in found}
        assert "D" not in {row.identity.ref for row in found[1:]}

    @pytest.mark.parametrize(
        ("text", "finds"),
        [
            ("web-1042", True),
            ("WEB 10", True),
            ("jose núñ", True),
            ("Nunez José", True),
            ("jn@mail.example", True),
            ("+62 812-3456 7890", True),
            ("0812 3456 7890", True),
            ("567890", True),
            ("ose", False),
            ("042", False),
            ("web-1043", False),
            ("josé web-2", False),
            ("456789", False),
            ("'", False),
            ("o'neill", False),
            ("\\:*", False),
            ("web' | '", True),
        ],
    )
    async def test_a_search_finds_beginnings_of_words_and_ends_of_phones(
        self, storage: BookingStorage, reader: BookingReader, text: str, finds: bool
    ) -> None:
        guest = {"name": "José Núñez", "email": "jn@mail.example.org", "phone": "+62 812 3456 7890"}
        others = [body(ref=f"GYG-{n}", source="GYG", at=f"2026-0{n}-09T00:00:00Z") for n in (4, 5, 6)]
        await processing(storage)(await accept(storage, body(ref="WEB-1042", customer=guest), *others))
        assert await refs(reader, BookingFilter(text=text)) == (["WEB-1042"] if finds else [])

    async def test_a_search_follows_what_becomes_of_the_booking(
        self, storage: BookingStorage, reader: BookingReader
    ) -> None:
        process = processing(storage)
        newer = [body(ref=f"GYG-{n}", source="GYG", at=f"2026-0{n}-09T00:00:00Z") for n in (4, 5, 6)]
        await process(await accept(storage, body(customer={"name": "Guest"}), *newer))
        assert await refs(reader, BookingFilter(text="ana")) == []
        await process(await accept(storage, body("UPDATED", at="2026-03-02T00:00:00Z", customer={"name": "Ana Lima"})))
        assert await refs(reader, BookingFilter(text="ana")) == ["WEB-1"]
        # The event that made it comes last of all, and says no more than when it was booked.
        await process(await accept(storage, body("UPDATED", at="2019-03-02T00:00:00Z", booking={"adult": 1})))
        [row] = await reader.page(BookingFilter(text="ana"), after=None, limit=50)
        assert row.booked_at.year == 2019
        behind = Position(at=datetime(2020, 1, 1, tzinfo=UTC), key=row.key)
        assert await reader.page(BookingFilter(text="ana"), after=behind, limit=50) == [row]

    async def test_a_booking_is_found_by_all_its_names(self, storage: BookingStorage, reader: BookingReader) -> None:
        shop = body(ref="WEB-1", raw={"providerPayload": {"bookingId": 4711}})
        await processing(storage)(await accept(storage, shop, body(ref="GYG-1", source="GYG")))
        identity = BookingIdentity("DIRECT", ExternalRef("WEB-1"))
        await self.add_alias(storage, BookingIdentity("DIRECT", ExternalRef("DIRECT-17")), identity)
        booking = ((await loaded(storage)).key, identity)
        for name in (str(booking[0]), "DIRECT:WEB-1", "direct: web-1", "web-1", "4711", "direct-17"):
            assert await reader.find(name) == [booking], name
        for name in ("GYG:WEB-1", "WEB-2", str(uuid7()), "", ":"):
            assert await reader.find(name) == [], name

    async def test_a_bare_reference_may_mean_several(self, storage: BookingStorage, reader: BookingReader) -> None:
        await processing(storage)(await accept(storage, body(ref="X-1"), body(ref="X-1", source="GYG")))
        assert [identity.channel for _, identity in await reader.find("x-1")] == ["DIRECT", "GYG"]
        assert [identity.channel for _, identity in await reader.find("GYG:x-1")] == ["GYG"]

    async def test_the_detail_says_where_everything_comes_from(
        self, storage: BookingStorage, reader: BookingReader
    ) -> None:
        created = body(raw=paid("P-1", orderId="O-1"))
        update = body("UPDATED", at="2026-03-02T00:00:00Z", booking={"adult": 3})
        first, second = await accept(storage, created, update)
        await processing(storage)([first, second])
        detail = await reader.detail((await loaded(storage)).key)
        assert detail is not None
        assert [detail.row] == await reader.page(EVERYTHING, after=None, limit=10)
        assert detail.provenance["adult"].event_id == second
        assert detail.provenance["adult"].event_time == datetime(2026, 3, 2, tzinfo=UTC)
        assert {detail.provenance[name].event_id for name in ("tourDate", "currency", "totalPrice")} == {first}
        assert {origin.source for origin in detail.provenance.values()} == {"DIRECT"}
        [payment] = detail.payments
        of_payment = ("reference", "status", "amount", "currency", "orderId", "captureId")
        assert [payment[name] for name in of_payment] == ["P-1", "PAID", "150.00", "USD", "O-1", "P-1"]
        [item] = detail.items
        of_item = ("currency", "adult", "adultUnitPrice", "totalAmount", "synthetic")
        assert [item[name] for name in of_item] == ["USD", 3, "50.00", "150.00", True]
        assert list(detail.assignments) == []
        assert detail.finance is None

    async def test_a_booking_that_is_not_there_has_no_detail(self, reader: BookingReader) -> None:
        assert await reader.detail(BookingKey(uuid7())) is None
