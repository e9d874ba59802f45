"""No N+1: how often a read asks the database depends on what is asked for, never on how much there is of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from bst_testing.deliveries import body, paid
from tests.api.harness import Api

#: What the API's own background work asks for.
_OTHERS = ("runtime_flag", "principal", "producer", "ingest_staged_job", "audit_log")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that the driver is given, whoever gives it."""
    said: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def listening(self: Any, query: Any, *rest: Any, **more: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if not any(other in text for other in _OTHERS):
            said.append(text)
        return await execute(self, query, *rest, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", listening)
    return said


@contextmanager
def counted(statements: list[str]) -> Iterator[list[str]]:
    """The statements of the block."""
    statements.clear()
    block: list[str] = []
    yield block
    block += statements


@pytest.mark.parametrize(
    ("path", "query", "most"),
    [
        ("/v1/ops/bookings", {}, 1),
        ("/v1/ops/bookings", {"status": "new"}, 1),
        ("/v1/ops/bookings", {"source": "gyg", "paymentStatus": "draft"}, 1),
        ("/v1/ops/bookings", {"dateFrom": "2031-01-01", "dateTo": "2031-12-31", "status": "new"}, 1),
        ("/v1/ops/bookings", {"q": "annika"}, 9),
        ("/v1/ingest/events", {}, 1),
        ("/v1/ingest/dead-letter", {}, 1),
        ("/v1/ingest/dead-letter/groups", {}, 1),
    ],
)
async def test_a_list_asks_as_often_for_many_as_for_one(
    api: Api, statements: list[str], path: str, query: dict[str, str], most: int
) -> None:
    counts = []
    for many in (1, 40):
        said = [
            body(ref=f"{many}-{n}", source=("DIRECT", "GYG")[n % 2], customer={"name": "Annika"}) for n in range(many)
        ]
        await api.accept(*said)
        with counted(statements) as asked:
            await api.data(path, **query)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert 1 <= counts[0] <= most


async def test_a_booking_asks_as_often_with_many_payments_as_with_one(api: Api, statements: list[str]) -> None:
    more = [
        body("UPDATED", ref="MANY", at=f"2026-03-02T00:00:{n:02d}Z", raw=paid(f"P-{n}", amount=1)) for n in range(20)
    ]
    await api.accept(body(ref="ONE", raw=paid("P-100")), body(ref="MANY", raw=paid("P-200")), *more)
    counts = []
    for ref, payments in (("ONE", 1), ("MANY", 21)):
        with counted(statements) as asked:
            booking = await api.data(f"/v1/ops/bookings/{ref}")
        assert len(booking["payments"]) == payments
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 7
