"""Log lines say which request, event and booking they are about, and nothing about guests."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bst_application.errors import Unavailable
from bst_application.log_fields import bound, fields, unbound
from bst_application.settings import BadSettings, LogFormat, settings_from
from bst_litestar.observed import LINES_PER_S
from bst_telemetry.logs import OURS, configure_logs
from bst_testing.deliveries import body, paid
from tests.api.harness import running
from tests.telemetry.harness import TRACE_ID, TRACEPARENT, a_worker, until


class Lines:
    """What was logged."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def start(self, log_format: LogFormat, level: str = "DEBUG") -> None:
        configure_logs("api", log_format=log_format, level=level, stream=self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def read(self, **wanted: Any) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if all(line.get(name) == value for name, value in wanted.items())]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ours = {name: logging.getLogger(name).level for name in OURS}
    yield Lines()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in ours.items():
        logging.getLogger(name).setLevel(before)


async def test_a_refused_delivery_is_a_line_that_the_answer_leads_to(
    lines: Lines, postgres_dsn: str, redis_url: str
) -> None:
    async with running(postgres_dsn, redis_url) as api:
        lines.start(LogFormat.JSON, "INFO")
        refused = await api.post(body(source="NOBODY"), traceparent=TRACEPARENT)
        accepted = await api.post(body())
    request = refused.json()["error"]["requestId"]
    assert refused.headers["x-request-id"] == request
    [line] = lines.read(requestId=request)
    assert line["level"] == "INFO"
    assert line["process"] == "api"
    assert line["traceId"] == TRACE_ID
    assert line["outcome"] == "UNSUPPORTED_SOURCE"
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/ingest/bookings/events", 400)
    assert line["durationMs"] > 0
    assert lines.read(requestId=accepted.json()["meta"]["requestId"]) == []  # DEBUG has it


async def test_an_accepted_delivery_is_told_at_debug_with_its_event_and_booking(
    lines: Lines, postgres_dsn: str, redis_url: str
) -> None:
    async with running(postgres_dsn, redis_url) as api:
        lines.start(LogFormat.JSON)
        answer = await api.post(body(), x_request_id="a-request-of-mine")
    [line] = lines.read(requestId="a-request-of-mine")
    assert line["level"] == "DEBUG"
    assert line["eventId"] == answer.json()["data"]["eventId"]
    assert (line["booking"], line["outcome"], line["producer"]) == ("DIRECT:WEB-1", "ACCEPTED", "(environment)")


async def test_a_delivery_that_the_guard_turns_away_is_told_and_counted(
    lines: Lines, postgres_dsn: str, redis_url: str
) -> None:
    async with running(postgres_dsn, redis_url, BST_LIMIT_ADDRESS_PER_MINUTE="1") as api:
        lines.start(LogFormat.JSON)
        answers = [await api.post(body(ref=f"WEB-{number}")) for number in range(3)]
    refused = answers[-1]
    assert refused.status_code == 429
    request = refused.json()["error"]["requestId"]
    assert refused.headers["x-request-id"] == request
    [line] = lines.read(requestId=request)
    assert (line["outcome"], line["route"], line["status"]) == ("RATE_LIMITED", "/v1/ingest/bookings/events", 429)


async def test_an_outage_is_not_told_by_every_request(lines: Lines, postgres_dsn: str, redis_url: str) -> None:
    async with running("postgresql://nobody@127.0.0.1:1/none", redis_url) as api:
        lines.start(LogFormat.JSON)
        for _ in range(LINES_PER_S + 30):
            assert (await api.post(body())).status_code == 503
    told = lines.read(outcome="INGEST_STORE_UNAVAILABLE")
    seconds = {line["time"][:19] for line in lines.read()}
    assert told
    assert len(told) <= LINES_PER_S * (len(seconds) + 1)


async def test_a_crowd_does_not_hide_who_administers(lines: Lines, postgres_dsn: str, redis_url: str) -> None:
    admin = {"authorization": "Bearer an-admin-token-of-the-tests", "x-admin-role": "ADMIN", "x-actor": "made"}
    async with running(postgres_dsn, redis_url) as api:
        lines.start(LogFormat.JSON)
        for _ in range(LINES_PER_S * 2):
            await api.http.post("/v1/ingest/bookings/events")
        await api.http.put("/v1/flags/INGEST_REPLAY_ENABLED", json={"value": "true", "reason": "x"}, headers=admin)
    assert len(lines.read(method="PUT", actor="made")) == 1


async def test_every_answer_says_its_request(lines: Lines, postgres_dsn: str, redis_url: str) -> None:
    async with running(postgres_dsn, redis_url) as api:
        lines.start(LogFormat.JSON)
        for path in ("/v1/ops/bookings", "/v1/ops/bookings/nothing", "/health", "/metrics"):
            answer = await api.get(path)
            said = answer.headers["x-request-id"]
            if answer.headers["content-type"].startswith("application/json"):
                told = answer.json()
                assert (told.get("error") or told["meta"])["requestId"] == said
        changed = await api.http.put(
            "/v1/flags/INGEST_REPLAY_ENABLED",
            json={"value": "true", "reason": "a test"},
            headers={"authorization": "Bearer an-admin-token-of-the-tests", "x-admin-role": "ADMIN", "x-actor": "made"},
        )
    assert changed.status_code == 200
    [line] = lines.read(method="PUT")
    assert (line["level"], line["actor"], line["route"]) == ("INFO", "made", "/v1/flags/{name}")
    assert [line["route"] for line in lines.read(method="GET", level="INFO")] == ["/v1/ops/bookings/{name}"]


async def test_what_became_of_an_event_is_told_in_the_worker(lines: Lines, postgres_dsn: str, redis_url: str) -> None:
    async with running(postgres_dsn, redis_url) as api:
        good = (await api.post(body(), traceparent=TRACEPARENT)).json()["data"]["eventId"]
        bad = (await api.post(body("UPDATED", ref="WEB-2", raw=paid("P-9", "SOMEHOW")))).json()["data"]["eventId"]
        lines.start(LogFormat.JSON)
        async with a_worker(postgres_dsn, redis_url):
            await until(lambda: lines.read(eventId=good) and lines.read(eventId=bad), "both lines")
    [done] = lines.read(eventId=good)
    assert (done["level"], done["outcome"], done["booking"]) == ("DEBUG", "DONE", "DIRECT:WEB-1")
    assert done["traceId"] == TRACE_ID
    [dead] = lines.read(eventId=bad)
    assert (dead["level"], dead["outcome"], dead["reason"]) == ("WARNING", "DEAD_LETTER", "SCHEMA_MISMATCH")


async def test_a_crowd_that_is_refused_does_not_fill_the_disk(lines: Lines, postgres_dsn: str, redis_url: str) -> None:
    async with running(postgres_dsn, redis_url) as api:
        lines.start(LogFormat.JSON)
        for _ in range(LINES_PER_S * 4):
            await api.http.post("/v1/ingest/bookings/events")
    seconds = {line["time"][:19] for line in lines.read()}
    told = lines.read(outcome="MISSING_OR_INVALID_AUTHORIZATION")
    left_out = sum(line["count"] for line in lines.read(level="WARNING"))
    # Seconds are counted from the start of the machine, so one more of them may have begun than the lines show.
    assert len(told) <= LINES_PER_S * (len(seconds) + 1) < LINES_PER_S * 4
    assert len(told) + left_out <= LINES_PER_S * 4


def test_an_exception_is_told_without_its_words(lines: Lines) -> None:
    lines.start(LogFormat.JSON)
    try:
        try:
            raise ValueError("Ketut Example <ketut@example.com>")
        except ValueError as error:
            raise Unavailable("the database is not available") from error
    except Unavailable:
        logging.getLogger("bst_worker").exception("it failed")
        logging.getLogger("asyncio").exception("Task exception was never retrieved\nfuture: ketut@example.com")
    [line, foreign] = lines.read()
    assert "etut" not in lines.text
    assert line["exception"][0] == "bst_application.errors.Unavailable: the database is not available"
    assert "builtins.ValueError" in line["exception"]
    assert any("test_logs.py" in place for place in line["exception"])
    assert foreign["message"] == "Task exception was never retrieved"


def test_only_known_fields_are_told(lines: Lines) -> None:
    lines.start(LogFormat.JSON)
    with bound(requestId="r-1", traceId=None):
        logging.getLogger("bst_worker").info("a line", extra=fields(eventId="e-1", phone="+62 812"))
        with unbound():
            logging.getLogger("bst_worker").info("another line")
    first, second = lines.read()
    assert (first["requestId"], first["eventId"]) == ("r-1", "e-1")
    assert "traceId" not in first
    assert "requestId" not in second
    assert "812" not in lines.text


def test_text_says_the_same_on_one_line(lines: Lines) -> None:
    lines.start(LogFormat.TEXT)
    logging.getLogger("bst_worker").info("two\nlines", extra=fields(eventId="e-1", outcome="DONE"))
    [line] = lines.text.splitlines()
    assert line.endswith("INFO    two\\nlines  eventId=e-1 outcome=DONE")


def test_production_logs_json_unless_it_is_told_otherwise() -> None:
    names = ("CORE_API_ADMIN_TOKEN", "INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET")
    secrets = {name: f"0123456789abcdef-of-{name}" for name in names}
    assert settings_from({}).log_format is LogFormat.TEXT
    assert settings_from({"BST_ENV": "production", **secrets}).log_format is LogFormat.JSON
    assert settings_from({"BST_ENV": "production", **secrets, "BST_LOG_FORMAT": "Text"}).log_format is LogFormat.TEXT
    assert settings_from({"BST_LOG_LEVEL": "debug"}).log_level == "DEBUG"
    with pytest.raises(BadSettings, match="BST_LOG_LEVEL must be one of DEBUG"):
        settings_from({"BST_LOG_LEVEL": "loud"})
