"""What API and worker count, over real PostgreSQL and a real broker; and the page that lists it."""

import re
import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from bst_application.settings import BadSettings, settings_from
from bst_telemetry.metrics_door import metrics_door
from bst_testing.deliveries import body, paid
from tests.api.harness import ADMIN, Api, running
from tests.servers import free_port
from tests.telemetry.harness import a_worker, until
from tests.telemetry.test_traces import FAIL_ONCE

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "metrics.md"
#: Of the Prometheus client's own, described on the page in a sentence.
PROCESS = "process_"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Door:
    """A worker's metrics page."""

    def __init__(self) -> None:
        self.port = free_port()

    @property
    def text(self) -> str:
        """Empty until the worker has opened it."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False).text
        except httpx.ConnectError:
            return ""

    def read(self, name: str, **labels: str) -> float:
        return samples(self.text).get((name, tuple(sorted(labels.items()))), 0.0)


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_worker_counts_what_it_makes_of_events(postgres_dsn: str, redis_url: str) -> None:
    door = Door()
    async with running(postgres_dsn, redis_url, INGEST_REPLAY_ENABLED="true") as api:
        for number in range(3):
            await api.post(body(ref=f"WEB-{number}"))
        bad = (await api.post(body("UPDATED", ref="WEB-9", raw=paid("P-9", "SOMEHOW")))).json()["data"]["eventId"]
        async with a_worker(postgres_dsn, redis_url, BST_WORKER_METRICS_PORT=str(door.port)):
            await until(lambda: door.read("bst_events_processed_total", outcome="DONE") == 3, "three done")
            await until(lambda: door.read("bst_events_processed_total", outcome="DEAD_LETTER") == 1, "one dead letter")
            assert door.read("bst_event_dead_letters_total", reason="SCHEMA_MISMATCH") == 1
            assert door.read("bst_event_age_at_commit_seconds_count") == 3
            assert door.read("bst_process_group_events_sum") == 4
            assert door.read("bst_worker_consuming") == 1
            assert door.read("bst_worker_jobs_total") >= 1
            assert door.read("bst_database_pool_connections", state="limit") > 0
            assert not door.read("bst_retention_last_success_timestamp_seconds")
            await replay(api, bad)
            await until(lambda: door.read("bst_replays_total", result="failed") == 1, "the replay")
        assert samples((await api.http.get("/metrics")).text)["bst_jobs_handed_over_total", (("by", "door"),)] >= 1


async def replay(api: Api, event_id: str) -> None:
    """Makes the dead letter READY and replays the event, which fails again."""
    headers = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
    [letter] = await api.data("/v1/ingest/dead-letter")
    ready = await api.http.patch(f"/v1/ingest/dead-letter/{letter['deadLetterKey']}/status/READY", headers=headers)
    assert ready.status_code == 200, ready.text
    answer = await api.http.post(
        f"/v1/ingest/bookings/events/{event_id}/replay", json={"reason": "a test"}, headers=headers
    )
    assert answer.status_code < 300, answer.text


async def test_a_run_of_retention_is_counted(postgres_dsn: str, redis_url: str) -> None:
    door = Door()
    environ = {"BST_WORKER_METRICS_PORT": str(door.port), "INGEST_RETENTION_RUN_ON_START": "true"}
    async with a_worker(postgres_dsn, redis_url, **environ):
        await until(lambda: door.read("bst_retention_runs_total", result="done") == 1, "the run")
        assert door.read("bst_retention_last_success_timestamp_seconds") > 1_700_000_000


async def test_an_event_that_waits_for_a_retry_has_not_failed(postgres_dsn: str, redis_url: str) -> None:
    door = Door()
    async with running(postgres_dsn, redis_url) as api:
        for statement in FAIL_ONCE:
            await api.do(statement)
        event_id = (await api.post(body())).json()["data"]["eventId"]
        async with a_worker(postgres_dsn, redis_url, BST_WORKER_METRICS_PORT=str(door.port)):
            await until(lambda: door.read("bst_events_processed_total", outcome="RETRY") == 1, "the failed execution")
            assert door.read("bst_event_retries_total", reason="TRANSIENT_ERROR") == 1
        event = await api.data(f"/v1/ingest/bookings/events/{event_id}")
        assert event["processStatus"] == "RECEIVED"
        assert event["nextRetryAt"] is not None
        queue = await api.data("/v1/ingest/metrics/queue")
        assert queue["retry"]["totals"]["pendingRetry"] == 1
        assert queue["deadLetter"]["total"] == 0
        processing = await api.data("/v1/ingest/metrics/processing")
        assert (processing["totals"]["failed"], processing["totals"]["pending"]) == (0, 1)
        seen = samples((await api.http.get("/metrics")).text)
        assert (seen["bst_events_waiting_for_retry", ()], seen["bst_events_due", ()]) == (1, 0)


async def test_jobs_that_stayed_behind_are_counted_for_the_relay(postgres_dsn: str, redis_url: str) -> None:
    async with running(postgres_dsn, "redis://127.0.0.1:1/0") as api:
        await api.post(body())
        await api.rows("update ingest_staged_job set staged_at = now() - interval '1 minute' returning 1")
    door = Door()
    async with a_worker(postgres_dsn, redis_url, BST_WORKER_METRICS_PORT=str(door.port)):
        await until(lambda: door.read("bst_jobs_handed_over_total", by="relay") == 1, "the relay")


async def test_answer_times_are_kept_by_result(postgres_dsn: str, redis_url: str) -> None:
    async with running(postgres_dsn, redis_url) as api:
        await api.post(body(), key="a")
        await api.post(body(), key="a")
        await api.post(body(source="NOBODY"))
        seen = samples((await api.http.get("/metrics")).text)
    counts = {
        dict(labels)["result"]: value
        for (name, labels), value in seen.items()
        if name == "bst_ingest_answer_seconds_count"
    }
    assert counts == {"accepted": 1, "repeated": 1, "refused": 1, "failed": 0}


def test_a_port_that_is_taken_is_said_with_its_cure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(BadSettings, match=f"BST_WORKER_METRICS_PORT={port} on 127.0.0.1 cannot be used"),
            metrics_door(CollectorRegistry(), host="127.0.0.1", port=port),
        ):
            pass


def test_the_door_is_off_unless_it_is_set() -> None:
    assert settings_from({}).worker_metrics_port is None
    assert settings_from({"BST_WORKER_METRICS_PORT": "9464"}).worker_metrics_port == 9464
    with pytest.raises(BadSettings, match="BST_WORKER_METRICS_PORT must be a whole number"):
        settings_from({"BST_WORKER_METRICS_PORT": "many"})


def unit_of(name: str) -> str:
    """The unit that a name ends in; other figures are numbers of something."""
    if name.endswith("_timestamp_seconds"):
        return "Unix time, s"
    return "s" if name.endswith("_seconds") else "number"


def described(text: str) -> dict[str, tuple[str, str, str, str]]:
    """Family -> type, unit, labels and help of a metrics page."""
    found = {}
    for family in text_string_to_metric_families(text):
        if family.name.startswith(PROCESS):
            continue
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if not name.endswith("_created"):
            found[name] = (family.type, unit_of(name), ", ".join(sorted(labels)) or "–", family.documentation)
    return found


async def test_the_page_lists_every_metric_as_it_is(postgres_dsn: str, redis_url: str) -> None:
    """The help text of a metric is its text on the page, to the letter."""
    door = Door()
    environ = {"BST_WORKER_METRICS_PORT": str(door.port), "INGEST_RETENTION_RUN_ON_START": "true"}
    async with running(postgres_dsn, redis_url) as api, a_worker(postgres_dsn, redis_url, **environ):
        await api.post(body())
        await api.post(body("UPDATED", ref="WEB-9", raw=paid("P-9", "SOMEHOW")))
        await until(lambda: door.read("bst_retention_runs_total", result="done") == 1, "the run of retention")
        await until(lambda: door.read("bst_events_processed_total", outcome="DEAD_LETTER") == 1, "the dead letter")
        from_api, from_worker = described((await api.http.get("/metrics")).text), described(door.text)
    listed = {
        name: (kind, unit, labels, help_text, where)
        for name, kind, unit, labels, where, help_text in re.findall(
            r"^\| `(bst_\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| (.+) \|$",
            PAGE.read_text("utf-8"),
            re.MULTILINE,
        )
    }
    expected = {}
    for name, entry in {**from_worker, **from_api}.items():
        where = [who for who, seen in (("API", from_api), ("worker", from_worker)) if name in seen]
        expected[name] = (*entry, ", ".join(where))
    assert listed == expected
