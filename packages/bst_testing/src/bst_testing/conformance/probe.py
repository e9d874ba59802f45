"""What every database probe must do: say how it is, quickly, whatever is the matter."""

from time import monotonic

import pytest

from bst_application.errors import Unavailable
from bst_application.ports.reading import DatabaseProbe

#: The port promises two seconds; the rest is the machine.
WITHIN_S = 2.5


class DatabaseProbeConformance:
    """Subclass it, and give a fixture for each way in which a database can be."""

    @pytest.fixture
    def answering(self) -> DatabaseProbe:
        """Of a database that answers and has this code's schema."""
        raise NotImplementedError("a subclass gives it")

    @pytest.fixture
    def behind(self) -> DatabaseProbe:
        """Of a database that answers and has no schema yet."""
        raise NotImplementedError("a subclass gives it")

    @pytest.fixture
    def away(self) -> DatabaseProbe:
        """Of a database that does not answer."""
        raise NotImplementedError("a subclass gives it")

    @pytest.fixture
    def unconfigured(self) -> DatabaseProbe:
        """Of no database at all."""
        raise NotImplementedError("a subclass gives it")

    async def test_a_database_that_answers(self, answering: DatabaseProbe) -> None:
        check = await answering.check()
        assert (check.configured, check.reachable, check.error) == (True, True, None)
        assert check.latency_ms is not None
        assert check.latency_ms >= 0
        assert await answering.schema_is_current()

    async def test_a_database_without_its_schema_answers_all_the_same(self, behind: DatabaseProbe) -> None:
        assert (await behind.check()).reachable
        assert not await behind.schema_is_current()

    async def test_a_database_that_does_not_answer_is_said_in_time(self, away: DatabaseProbe) -> None:
        begun = monotonic()
        check = await away.check()
        assert monotonic() - begun < WITHIN_S
        assert (check.configured, check.reachable, check.latency_ms) == (True, False, None)
        assert check.error == "DB_CHECK_FAILED"
        with pytest.raises(Unavailable):
            await away.schema_is_current()

    async def test_no_database_is_said_too(self, unconfigured: DatabaseProbe) -> None:
        check = await unconfigured.check()
        assert (check.configured, check.reachable, check.latency_ms) == (False, False, None)
        assert check.error == "MISSING_CONNECTION_STRING"
        with pytest.raises(Unavailable):
            await unconfigured.schema_is_current()
