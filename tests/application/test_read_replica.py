"""Which of two readers is asked, and what happens when one of them is away."""

from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_application.errors import Conflict, TooSlow, Unavailable
from bst_application.read_replica import (
    ReplicaFirst,
    ReplicaFirstBookings,
    ReplicaFirstEvents,
    ServedBy,
    read_up_to_date,
)
from bst_application.recent_writers import MOST, RecentWriters
from bst_application.settings import BadSettings, settings_from
from bst_domain.values import BookingIdentity
from bst_testing.conformance.booking_reader import BookingReaderConformance
from bst_testing.conformance.booking_store import BookingStorage
from bst_testing.conformance.ingest_reader import IngestReaderConformance
from bst_testing.fakes.booking_reader import MemoryBookingReader
from bst_testing.fakes.ingest_reader import MemoryIngestReader
from bst_testing.fakes.storage import MemoryStorage


class State:
    """What is known of a replica."""

    def __init__(self, *, serves: bool = True, there: bool = True) -> None:
        self.serves, self.there = serves, there

    def may_serve(self) -> bool:
        return self.serves

    def is_there(self) -> bool:
        return self.there

    def failed(self) -> None:
        self.serves = self.there = False


class TestMemoryReplicaFirstBookings(BookingReaderConformance):
    """Two readers in one place keep the promises of one."""

    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    @pytest.fixture
    def reader(self, storage: MemoryStorage) -> ReplicaFirstBookings:
        full = MemoryBookingReader(storage.tables)
        return ReplicaFirstBookings(full, full, State())

    async def add_alias(self, storage: BookingStorage, alias: BookingIdentity, of: BookingIdentity) -> None:
        assert isinstance(storage, MemoryStorage)
        await storage.add_alias(alias, of)


class TestMemoryReplicaFirstEvents(IngestReaderConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    @pytest.fixture
    def reader(self, storage: MemoryStorage) -> ReplicaFirstEvents:
        full = MemoryIngestReader(storage.tables)
        return ReplicaFirstEvents(full, full, State())


Answer = str | None | Exception


class Asked(ReplicaFirst[str]):
    """Two readers that say one thing each."""

    def __init__(self, state: State, *, replica: Answer = "replica", primary: Answer = "primary") -> None:
        self.noted: list[ServedBy] = []
        super().__init__("replica", "primary", state, self.noted.append)
        self._answers = {"replica": replica, "primary": primary}

    async def one(self, *, find: bool = False) -> str | None:
        async def question(reader: str) -> str | None:
            answer = self._answers[reader]
            if isinstance(answer, Exception):
                raise answer
            return answer

        ask: Callable[[Callable[[str], Awaitable[str | None]]], Awaitable[str | None]] = (
            self._find if find else self._ask
        )
        return await ask(question)


@pytest.fixture(autouse=True)
def nobody_has_written() -> Iterator[None]:
    read_up_to_date(False)
    yield
    read_up_to_date(False)


@pytest.mark.parametrize("error", [Unavailable("away"), Conflict("the replay of the log came first")])
async def test_a_replica_that_fails_in_the_middle_is_not_noticed(error: Exception) -> None:
    state = State()
    asked = Asked(state, replica=error)
    assert await asked.one() == "primary"
    assert asked.noted == [ServedBy.PRIMARY]
    assert state.serves == isinstance(error, Conflict)  # which says nothing of the next read


async def test_what_is_too_slow_for_the_replica_does_not_burden_the_primary() -> None:
    asked = Asked(State(), replica=TooSlow("30 s"))
    with pytest.raises(TooSlow):
        await asked.one()
    assert asked.noted == []


async def test_what_the_replica_does_not_have_is_looked_for_at_the_primary() -> None:
    assert await Asked(State(), replica=None).one(find=True) == "primary"
    assert await Asked(State(), replica="").one(find=True) == "primary"
    assert await Asked(State(), replica=None, primary=None).one(find=True) is None
    assert await Asked(State(), replica=None).one() is None  # an empty list is an answer


async def test_whoever_has_just_written_is_never_shown_the_replica() -> None:
    read_up_to_date(True)
    asked = Asked(State())
    assert await asked.one() == "primary"
    with pytest.raises(Unavailable):
        await Asked(State(), primary=Unavailable("away")).one()


async def test_an_old_state_is_better_than_none_while_the_primary_is_away() -> None:
    behind = State(serves=False)
    asked = Asked(behind, primary=Unavailable("away"))
    assert await asked.one() == "replica"
    assert asked.noted == [ServedBy.REPLICA]
    with pytest.raises(Unavailable):
        await Asked(State(serves=False, there=False), primary=Unavailable("away")).one()
    with pytest.raises(TooSlow):
        await Asked(behind, primary=TooSlow("30 s")).one()


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3)), min_size=1, max_size=30), st.floats(0.1, 5))
def test_a_writer_is_known_for_exactly_as_long_as_a_copy_may_be_behind(
    writes: list[tuple[float, int]], within_s: float
) -> None:
    clock = [0.0]
    writers = RecentWriters(within_s, lambda: clock[0])
    last: dict[int, float] = {}
    for pause, who in writes:
        clock[0] += pause
        writers.wrote(f"caller {who}")
        last[who] = clock[0]
        for each in range(4):
            known = each in last and last[each] + within_s > clock[0]
            assert writers.has_just_written(f"caller {each}") == known


def test_those_who_wrote_long_ago_are_forgotten() -> None:
    clock = [0.0]
    writers = RecentWriters(5, lambda: clock[0])
    for number in range(3 * MOST):
        clock[0] += 1
        writers.wrote(str(UUID(int=number)))
    assert len(writers._until) <= MOST


def test_the_settings_of_a_replica() -> None:
    assert settings_from({}).read_db_url is None
    settings = settings_from({"OPS_DB_URL": "postgresql://a/ops", "OPS_READ_DB_URL": "postgresql://b/ops"})
    assert (settings.read_db_url, settings.read_max_lag_s) == ("postgresql://b/ops", 5)
    for wrong, said in (
        ({"OPS_DB_URL": "postgresql://a/ops", "OPS_READ_DB_URL": "postgresql://a/ops"}, "a streaming replica of it"),
        ({"BST_READ_MAX_LAG_SECONDS": "1"}, "BST_READ_MAX_LAG_SECONDS must be a whole number from 2 to 3600"),
        ({"BST_ENV": "production", "OPS_READ_DB_URL": "postgresql://bst:postgres@b/ops"}, "OPS_READ_DB_URL has a"),
    ):
        with pytest.raises(BadSettings, match=said):
            settings_from(wrong)
