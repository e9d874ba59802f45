"""The reads on a table that is not small: an index leads to whatever is asked for, no table is read whole, and a page holds
exactly what looking through everything would have found."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.reads.bookings import Made
from benchmarks.reads.fill import fill
from bst_application.ports.mappings import MappingFilter
from bst_application.ports.reading import BookingFilter, EventFilter, Position
from bst_application.ports.timeline import Happening
from bst_domain.values import BookingKey, ChannelReference, is_found, parse_search, search_words
from bst_postgres import booking_search
from bst_postgres.booking_reader import PostgresBookingReader
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.database import Database
from bst_postgres.ingest_reader import PostgresIngestReader
from bst_postgres.mappings import PostgresMappingDesk
from bst_postgres.timeline import PostgresBookingTimeline
from tests.servers import PostgresAddress

MANY = 10_000
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TODAY = date(2026, 6, 1)
#: Tables that grow with the bookings.
LARGE = {
    "booking_core", "booking_contact", "booking_party", "booking_item_snapshot", "payment_event", "ops_booking_state",
    "ops_assignment", "ops_finance_bridge", "channel_external_refs", "ingest_event_log", "booking_fact",
    "booking_status_history", "booking_conflict", "audit_log",
}  # fmt: skip


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresAddress, migrated_template: str) -> Iterator[tuple[str, list[Made]]]:
    name = f"bst_plans_{uuid4().hex}"
    try:
        dsn = postgres_server.create(name, template=migrated_template)
        yield dsn, fill(dsn, MANY, NOW)
    finally:
        postgres_server.drop(name)


@pytest.fixture
async def database(filled: tuple[str, list[Made]]) -> AsyncIterator[Database]:
    database = Database(filled[0])
    yield database
    await database.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Every statement about a large table, with its values."""
    said: list[tuple[Any, Any]] = []
    execute = psycopg.AsyncCursor.execute

    async def listening(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
        if any(word in str(query) for word in LARGE):
            said.append((query, params))
        return await execute(self, query, params, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", listening)
    return said


def read_whole(dsn: str, asked: list[tuple[Any, Any]]) -> set[str]:
    """The large tables that the plans of these statements read from one end to the other."""
    found = set()
    with psycopg.connect(dsn) as connection:
        for query, values in asked:
            text = query if isinstance(query, bytes) else str(query).encode()
            [(plans,)] = connection.execute(b"explain (format json) " + text, values).fetchall()
            found |= {node["Relation Name"] for node in nodes(plans[0]["Plan"]) if node["Node Type"] == "Seq Scan"}
    return found & LARGE


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def days(first: int, last: int, **more: Any) -> BookingFilter:
    return BookingFilter(date_from=TODAY + timedelta(days=first), date_to=TODAY + timedelta(days=last), **more)


@pytest.mark.parametrize(
    "wanted",
    [
        BookingFilter(),
        BookingFilter(fulfilment="DONE"),
        BookingFilter(fulfilment="NO_SHOW"),
        BookingFilter(payment="DRAFT"),
        BookingFilter(source="MANUAL"),
        BookingFilter(fulfilment="DONE", payment="PENDING_PAYMENT"),
        days(0, 0),
        days(-100, -94, fulfilment="DONE"),
        days(0, 30, source="VIATOR"),
        days(-500, -400),
        BookingFilter(date_to=TODAY - timedelta(days=400)),
        BookingFilter(date_from=TODAY),
        BookingFilter(text="maria"),
        BookingFilter(text="WEB-105000"),
        BookingFilter(text="0812 3456 7890"),
        BookingFilter(text="nobody"),
        BookingFilter(text="maria.nobody1@gmail.com"),
        BookingFilter(text="anna", fulfilment="NO_SHOW"),
    ],
)
@pytest.mark.parametrize("deep", [False, True])
async def test_no_list_reads_a_table_whole(
    filled: tuple[str, list[Made]], database: Database, asked: list[tuple[Any, Any]], wanted: BookingFilter, deep: bool
) -> None:
    dsn, sample = filled
    middle = sample[len(sample) // 2]
    after = Position(at=middle.booked_at, key=middle.key) if deep else None
    await PostgresBookingReader(database).page(wanted, after=after, limit=51)
    assert asked
    assert read_whole(dsn, asked) == set()


@pytest.mark.parametrize(
    "name", ["WEB-105000", "DIRECT:WEB-105000", "1711", "NONE", "01890000-0000-7000-8000-000000000000"]
)
async def test_no_name_of_a_booking_reads_a_table_whole(
    filled: tuple[str, list[Made]], database: Database, asked: list[tuple[Any, Any]], name: str
) -> None:
    await PostgresBookingReader(database).find(name)
    assert asked
    assert read_whole(filled[0], asked) == set()


@pytest.mark.parametrize(
    "wanted", [MappingFilter(), MappingFilter(channel="VIATOR"), MappingFilter(channel="GYG", entity_type="HOTEL")]
)
@pytest.mark.parametrize("deep", [False, True])
async def test_no_list_of_mappings_reads_a_table_whole(
    filled: tuple[str, list[Made]], database: Database, asked: list[tuple[Any, Any]], wanted: MappingFilter, deep: bool
) -> None:
    after = Position(at=NOW, key=uuid4()) if deep else None
    await PostgresMappingDesk(database).mappings(wanted, after=after, limit=201)
    assert asked
    assert read_whole(filled[0], asked) == set()


async def test_the_bookings_of_a_package_are_found_without_the_others(
    filled: tuple[str, list[Made]], database: Database, asked: list[tuple[Any, Any]]
) -> None:
    package = ChannelReference("GYG", "LEGACY_PACKAGE_ID", "7")
    await PostgresMappingDesk(database).named_by(package, behind=uuid4(), limit=200)
    async with PostgresBookingStore(database).processing() as tx:
        await tx.mapped_packages([package])
    assert len(asked) == 2
    assert read_whole(filled[0], asked) == set()


@pytest.fixture(scope="module")
def everybody(filled: tuple[str, list[Made]]) -> list[dict[str, Any]]:
    """All bookings, newest first, with the words that they are found by."""
    query = """select booking_key as key, booking_created_at as at, channel_code, external_booking_ref as ref, tour_date,
        customer_payment_status as payment, ops_fulfillment_status as fulfilment, main_name, main_email, phone, phone_e164
      from booking_core join booking_contact using (booking_key) order by booking_created_at desc, booking_key desc"""
    with psycopg.connect(filled[0], row_factory=psycopg.rows.dict_row) as connection:
        rows = connection.execute(query).fetchall()
    for row in rows:
        row["words"] = search_words((row["ref"], row["main_name"], row["main_email"], row["phone"]), row["phone_e164"])
    return rows


FIRST, LAST = date.min, date.max
#: How many of the newest are looked at first.
looks = st.sampled_from([1, 7, 400])
TEXTS = st.sampled_from(
    ["maria", "ma", "a", "anna m", "maria garcia", "garcia", "gar", "web", "WEB-10", "web-1 o", "gmail.com", "j@gmail.com",
     "maria.garcia@gmail", "+62 81", "081234", "6281", "7", "made nunez", "nobody", "thomas", "gyg"]
)  # fmt: skip
FILTERS = st.builds(
    BookingFilter,
    text=st.none() | TEXTS,
    source=st.sampled_from([None, None, "MANUAL", "GYG", "DIRECT"]),
    fulfilment=st.sampled_from([None, None, "DONE", "NO_SHOW", "ATTENTION"]),
    payment=st.sampled_from([None, None, "PAID", "DRAFT"]),
    date_from=st.none() | st.integers(-900, 200).map(lambda days: TODAY + timedelta(days=days)),
    date_to=st.none() | st.integers(-900, 200).map(lambda days: TODAY + timedelta(days=days)),
)


@given(
    wanted=FILTERS,
    limit=st.sampled_from([1, 20, 201]),
    place=st.none() | st.integers(0, MANY - 1),
    first=looks,
    few=looks,
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_page_is_what_looking_through_everything_finds(  # noqa: PLR0917 - what may vary
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    everybody: list[dict[str, Any]],
    wanted: BookingFilter,
    limit: int,
    place: int | None,
    first: int,
    few: int,
) -> None:
    """Whichever way it takes: how many it looks at before it asks the index is chance here."""
    monkeypatch.setattr(booking_search, "NEWEST_LOOKED_AT", first)
    monkeypatch.setattr(booking_search, "CHOSEN_LOOKED_AT", few)
    monkeypatch.setattr(booking_search, "NEWEST_OF_A_CHANNEL", few)
    behind = everybody if place is None else everybody[place + 1 :]
    after = None if place is None else Position(at=everybody[place]["at"], key=everybody[place]["key"])
    search = None if wanted.text is None else parse_search(wanted.text)
    found = [
        row["key"]
        for row in behind
        if (wanted.source in {None, row["channel_code"]})
        and (wanted.fulfilment in {None, row["fulfilment"]})
        and (wanted.payment in {None, row["payment"]})
        and (wanted.date_from is None or (row["tour_date"] or FIRST) >= wanted.date_from)
        and (wanted.date_to is None or (row["tour_date"] or LAST) <= wanted.date_to)
        and (search is None or is_found(search, row["words"]))
    ]
    page = await PostgresBookingReader(database).page(wanted, after=after, limit=limit)
    assert [row.key for row in page] == found[:limit]


@pytest.fixture
def no_order_by_chance(filled: tuple[str, list[Made]]) -> Iterator[str]:
    """The same database, on connections that get rows in the order in which they lie there, unless they ask for another."""
    name = psycopg.conninfo.conninfo_to_dict(filled[0])["dbname"]
    scans = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")

    def alter(how: str) -> None:
        with psycopg.connect(filled[0], autocommit=True) as connection:
            for scan in scans:
                connection.execute(f'alter database "{name}" {how.format(scan)}'.encode())

    alter("set {} = off")
    yield filled[0]
    alter("reset {}")


@pytest.mark.parametrize("limit", [1, 5])
@pytest.mark.parametrize("more", [{}, {"fulfilment": "DONE"}, {"source": "VIATOR"}, {"payment": "PAID"}])
async def test_the_newest_of_a_few_days_are_found_whatever_the_plan(
    no_order_by_chance: str, everybody: list[dict[str, Any]], more: dict[str, str], limit: int
) -> None:
    """An index that is read for the days has them in order already; the statement may not live on that."""
    database = Database(no_order_by_chance)
    wanted = days(-60, -31, **more)
    found = [
        row["key"]
        for row in everybody
        if row["tour_date"] is not None
        and wanted.date_from <= row["tour_date"] <= wanted.date_to
        and all(row[{"source": "channel_code"}.get(name, name)] == value for name, value in more.items())
    ]
    try:
        page = await PostgresBookingReader(database).page(wanted, after=None, limit=limit)
    finally:
        await database.close()
    assert len(found) > limit
    assert [row.key for row in page] == found[:limit]


async def test_no_detail_reads_a_table_whole(
    filled: tuple[str, list[Made]], database: Database, asked: list[tuple[Any, Any]]
) -> None:
    dsn, sample = filled
    assert await PostgresBookingReader(database).detail(BookingKey(sample[1000].key)) is not None
    assert read_whole(dsn, asked) == set()


#: A life for every booking: facts, statuses, assignments that ended, and what people did.
LIVES = b"""
insert into booking_fact (event_key, booking_key, source, event_type, event_time, origin, facts)
  select gen_random_uuid(), booking_key, 'DIRECT', 'CREATED', now(), 1, '{}' from booking_core on conflict do nothing;
insert into booking_status_history (booking_key, version, changed_at, customer_payment_status, ops_fulfillment_status)
  select booking_key, 1, now(), 'PAID', 'NEW' from booking_core on conflict do nothing;
insert into ops_assignment (assignment_key, booking_key, driver_id, assignment_source, assigned_at, unassigned_at, is_active)
  select gen_random_uuid(), booking_key, 8, 'CORE_API', now(), now(), false from booking_core;
insert into audit_log (audit_id, event_type, actor, resource_type, resource_id)
  select gen_random_uuid(), 'BOOKING_UPDATED', 'ayu', 'BOOKING', booking_key::text from booking_core
  union all select gen_random_uuid(), 'INGEST_REPLAY_REQUESTED', 'ayu', 'INGEST_EVENT', event_key::text from booking_fact;
insert into booking_conflict (conflict_key, booking_key, module, fields, shown_values, core_values, legacy_values, severity,
    opened_by, opened_at, due_at, settled_at)
  select gen_random_uuid(), booking_key, 'booking_core', '{}', '{}', '{}', '{}', 'HIGH', 'x', now(), now(), now()
  from booking_core;
analyze;
"""


async def test_no_timeline_reads_a_table_whole(
    filled: tuple[str, list[Made]], database: Database, asked: list[tuple[Any, Any]]
) -> None:
    dsn, sample = filled
    with psycopg.connect(dsn) as connection:
        connection.execute(LIVES)
    key = BookingKey(sample[1000].key)
    entries = await PostgresBookingTimeline(database).entries(key, after=None, limit=201)
    assert {entry.moment.kind for entry in entries} == set(Happening)
    await PostgresBookingTimeline(database).entries(key, after=entries[2].moment, limit=201)
    assert await PostgresBookingReader(database).detail(key) is not None
    assert read_whole(dsn, asked) == set()


async def test_the_newest_events_are_found_by_their_index(
    filled: tuple[str, list[Made]], database: Database, asked: list[tuple[Any, Any]]
) -> None:
    assert len(await PostgresIngestReader(database).events(EventFilter(), after=None, limit=51)) == 51
    assert read_whole(filled[0], asked) == set()
