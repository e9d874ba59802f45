"""The API on a real primary and a real streaming replica: who answers what, and when."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bst_cli.doctor import Finding, examine
from bst_cli.installation import Installation
from bst_testing.conformance.job_queue import until
from bst_testing.deliveries import body
from tests.api.harness import ADMIN, Api, running
from tests.replicated import Pair

#: So far behind is no replica in a test.
ANY_LAG = "3600"


def on(pair: Pair, broker_url: str, max_lag: str = ANY_LAG, **environ: str) -> Any:
    """The API with a read replica."""
    return running(pair.dsn, broker_url, OPS_READ_DB_URL=pair.read_dsn, BST_READ_MAX_LAG_SECONDS=max_lag, **environ)


@pytest.fixture
def broker_url() -> str:
    """No test of reads needs a queue."""
    return ""


async def figure(api: Api, name: str, **labels: str) -> float:
    page = (await api.http.get("/metrics")).text
    return next(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def serves(api: Api) -> bool:
    return await figure(api, "bst_read_replica_serves") == 1


async def serves_no_longer(api: Api) -> bool:
    return not await serves(api)


async def refs(api: Api) -> set[str]:
    return {booking["externalBookingRef"] for booking in await api.data("/v1/ops/bookings")}


def shows(api: Api, wanted: set[str]) -> Callable[[], Awaitable[bool]]:
    async def does() -> bool:
        return await refs(api) == wanted

    return does


async def check_of(api: Api) -> dict[str, Any]:
    checks: list[dict[str, Any]] = (await api.data("/health/db"))["checks"]
    return next(check for check in checks if check["database"] == "ops_db_read")


async def test_what_is_shown_comes_from_the_replica(postgres_pair: Pair, broker_url: str) -> None:
    """A paused replica shows an old state: whoever sees that, has asked it."""
    async with on(postgres_pair, broker_url) as api:
        await api.accept(body(ref="WEB-1"))
        await until(lambda: serves(api))
        await until(shows(api, {"WEB-1"}))
        postgres_pair.pause()
        try:
            before = await figure(api, "bst_reads_total", by="replica")
            [_, event_id] = await api.accept(body(ref="WEB-2"), body(ref="WEB-3"))
            assert await refs(api) == {"WEB-1"}
            assert len(await api.data("/v1/ingest/events")) == 1
            assert (await api.data("/v1/ingest/metrics/processing"))["totals"]["received"] == 1
            assert await figure(api, "bst_reads_total", by="replica") >= before + 3
            # What is too new for the replica is found all the same.
            assert (await api.data("/v1/ops/bookings/WEB-2"))["externalBookingRef"] == "WEB-2"
            assert (await api.data(f"/v1/ingest/bookings/events/{event_id}"))["eventId"] == event_id
            assert (await api.get("/v1/ops/bookings/WEB-9")).status_code == httpx.codes.NOT_FOUND
        finally:
            postgres_pair.resume()
        await until(shows(api, {"WEB-1", "WEB-2", "WEB-3"}))


async def test_whoever_has_written_reads_what_they_wrote(postgres_pair: Pair, broker_url: str) -> None:
    async with on(postgres_pair, broker_url) as api:
        [event_id] = await api.accept(body(ref="WEB-1"))
        await until(lambda: serves(api))
        await until(shows(api, {"WEB-1"}))
        postgres_pair.pause()
        try:
            assert await api.data("/v1/ingest/dead-letter") == []
            await api.accept(body(ref="WEB-2"))
            assert await refs(api) == {"WEB-1"}  # a producer's delivery is no write of this caller
            headers = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
            failed = await api.http.post(
                f"/v1/ingest/bookings/events/{event_id}/fail", json={"reasonCode": "BY_HAND"}, headers=headers
            )
            assert failed.status_code == httpx.codes.ACCEPTED, failed.text
            [letter] = await api.data("/v1/ingest/dead-letter")
            assert letter["reasonCode"] == "BY_HAND"
            assert await refs(api) == {"WEB-1", "WEB-2"}
            # What a write reads on its way comes from the primary, too.
            key = letter["deadLetterKey"]
            ready = await api.http.patch(f"/v1/ingest/dead-letter/{key}/status/READY", headers=headers)
            assert ready.json()["data"]["status"] == "READY"
            # Somebody else, here one who needs no token, still sees the replica's state.
            assert (await api.http.get(f"/v1/ingest/bookings/events/{event_id}")).json()["data"][
                "processStatus"
            ] == "DONE"
        finally:
            postgres_pair.resume()


async def test_reads_go_on_when_the_replica_stops(
    postgres_pair: Pair, broker_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with on(postgres_pair, broker_url) as api:
        await api.accept(body(ref="WEB-1"))
        await until(lambda: serves(api))
        await until(shows(api, {"WEB-1"}))
        await asyncio.to_thread(postgres_pair.replica.stop)
        try:
            for _ in range(3):  # the very next read finds it away
                assert await refs(api) == {"WEB-1"}
            await until(lambda: serves_no_longer(api))
            check = await check_of(api)
            assert (check["reachable"], check["error"], check["lagSeconds"]) == (False, "DB_CHECK_FAILED", None)
            ready = await api.http.get("/health/ready")
            assert ready.status_code == httpx.codes.OK
            [said] = [each for each in ready.json()["data"]["checks"] if each["name"] == "ops_db_read"]
            assert (said["ok"], said["required"]) == (False, False)
            assert "the read replica serves no longer (DB_CHECK_FAILED): reads go to the primary" in caplog.text
        finally:
            await asyncio.to_thread(postgres_pair.replica.start)
        await until(lambda: serves(api))
        assert (await check_of(api))["error"] is None


async def test_a_replica_that_is_too_far_behind_serves_nothing(
    postgres_pair: Pair, broker_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with on(postgres_pair, broker_url, max_lag="2") as api:
        await api.accept(body(ref="WEB-1"))
        await until(lambda: serves(api))
        await until(shows(api, {"WEB-1"}))
        assert (await check_of(api))["replayedAt"] is not None
        postgres_pair.pause()
        try:
            await api.accept(body(ref="WEB-2"))
            await until(shows(api, {"WEB-1", "WEB-2"}))
            await until(lambda: is_said_to_be_behind(api))
            check = await check_of(api)
            assert check["lagSeconds"] >= 2  # rounded
            assert (await api.http.get("/health/db")).json()["data"]["status"] == "degraded"
            assert "serves no longer (REPLICA_BEHIND)" in caplog.text
        finally:
            postgres_pair.resume()
        await until(lambda: serves(api))
        assert (await check_of(api))["lagSeconds"] <= 2


async def is_said_to_be_behind(api: Api) -> bool:
    return bool((await check_of(api))["error"] == "REPLICA_BEHIND")


async def test_bookings_can_be_read_while_the_primary_is_away(postgres_pair: Pair, broker_url: str) -> None:
    async with on(postgres_pair, broker_url, max_lag="2") as api:
        await api.accept(body(ref="WEB-1"))
        await until(lambda: serves(api))
        await until(shows(api, {"WEB-1"}))
        await asyncio.to_thread(postgres_pair.primary.stop)
        try:
            assert await refs(api) == {"WEB-1"}
            await until(lambda: serves_no_longer(api))  # nobody can say how old it is
            assert await refs(api) == {"WEB-1"}
            assert (await api.post(body(ref="WEB-2"))).status_code == httpx.codes.SERVICE_UNAVAILABLE
        finally:
            await asyncio.to_thread(postgres_pair.primary.start)
        await until(lambda: serves(api))


async def test_a_primary_is_no_replica(postgres_pair: Pair, broker_url: str) -> None:
    """Such as one that was promoted: it follows nobody, and what it shows is another history."""
    twice = f"{postgres_pair.dsn}&application_name=another-name"
    async with running(postgres_pair.dsn, broker_url, OPS_READ_DB_URL=twice) as api:
        await until(lambda: is_known(api))
        check = await check_of(api)
        assert (check["reachable"], check["error"]) == (True, "NOT_A_REPLICA")
        assert await serves_no_longer(api)


def test_the_doctor_looks_at_the_replica(postgres_pair: Pair) -> None:
    def finding(read_dsn: str) -> Finding:
        environ = {"OPS_DB_URL": postgres_pair.dsn, "OPS_READ_DB_URL": read_dsn}
        found = examine(Installation(name="the environment", environ=environ), Path("/tmp"))
        return next(each for each in found if each.name == "read replica")

    assert finding(postgres_pair.read_dsn).ok
    primary = finding(f"{postgres_pair.dsn}&application_name=another-name")
    assert (primary.ok, primary.required) == (False, False)
    assert "it is a primary itself" in primary.detail
    away = finding("postgresql://nobody@127.0.0.1:1/none")
    assert not away.ok
    assert "Check OPS_READ_DB_URL" in (away.cure or "")


async def is_known(api: Api) -> bool:
    return bool((await check_of(api))["error"] != "NOT_LOOKED_AT")
