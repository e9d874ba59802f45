"""A sample day for each test; the days are never sent to the same database, so one is enough."""

import pytest

pytest.register_assert_rewrite("tests.faults.judge", "tests.faults.system")

from tests.faults.system import Day, a_day  # noqa: E402 - its assertions speak only when they are rewritten first


@pytest.fixture(scope="session")
def day() -> Day:
    """70 bookings, some 200 events and 300 deliveries."""
    return a_day(7, 70)
