"""A trace goes from the producer's own request through the log and the queue to the commit, whatever happens on the way."""

import asyncio
import gzip
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from bst_application.settings import BadSettings
from bst_telemetry.tracing import OtelTracing, traces_from
from bst_testing.deliveries import body, paid
from tests.api.harness import running
from tests.telemetry.harness import TRACE_ID, TRACEPARENT, a_worker, spans_in_memory, trace_of, traced, until

DOOR = "POST /v1/ingest/bookings/events"

# A sequence does not go back with its transaction, so the first try fails and the second does not.
FAIL_ONCE = (
    "create sequence tries",
    """create function fail_once() returns trigger language plpgsql as $$
       begin if nextval('tries') = 1 then raise exception 'not yet, Ketut Example'; end if; return new; end $$""",
    "create trigger fail_once before insert on booking_core for each row execute function fail_once()",
)


async def test_one_delivery_is_one_trace_from_the_producer_to_the_commit(postgres_dsn: str, redis_url: str) -> None:
    spans = spans_in_memory()
    async with traced(postgres_dsn, redis_url, spans) as api:
        answer = await api.post(body(), traceparent=TRACEPARENT, x_request_id="a-request-of-mine")
        event_id = answer.json()["data"]["eventId"]
        await until(lambda: spans.named("process event"), "the processing")
        await until(lambda: spans.named("process job"), "the end of the job")
    [door] = spans.named(DOOR)
    assert door.parent is not None
    assert f"{door.parent.span_id:016x}" == TRACEPARENT[36:52]
    assert door.attributes is not None
    assert door.attributes["bst.request.id"] == answer.headers["x-request-id"] == "a-request-of-mine"
    assert door.attributes["bst.event.id"] == event_id
    assert door.attributes["http.response.status_code"] == 202
    path = ["accept group", "enqueue", "process job", "process jobs", "process group", "fold", "commit"]
    found = {name: spans.named(name)[0] for name in path}
    assert {trace_of(span) for span in found.values()} == {trace_of(door)} == {TRACE_ID}
    parents = [door, *(found[name] for name in path[:-2]), found["process group"]]
    for name, parent in zip(path, parents, strict=True):
        span = found[name]
        assert span.parent is not None
        assert span.parent.span_id == parent.context.span_id, name
    assert found["enqueue"].kind is SpanKind.PRODUCER
    assert found["process job"].kind is SpanKind.CONSUMER
    [event] = spans.named("process event", bst_event_id=event_id, bst_outcome="DONE")
    assert event.parent is not None
    assert event.parent.span_id == door.context.span_id
    assert [link.context.span_id for link in event.links] == [found["process group"].context.span_id]


async def test_a_retry_stays_in_the_trace_though_no_job_carries_it(postgres_dsn: str, redis_url: str) -> None:
    spans = spans_in_memory()
    async with traced(postgres_dsn, redis_url, spans) as api:
        for statement in FAIL_ONCE:
            await api.do(statement)
        await api.post(body(), traceparent=TRACEPARENT)
        [failed] = await until(lambda: spans.named("process event"), "the first execution")
        await api.rows("update ingest_event_log set next_retry_at = now() returning 1")
        await until(lambda: spans.named("process event", bst_outcome="DONE"), "the second execution")
    assert failed.attributes is not None
    assert failed.attributes["bst.outcome"] == "RETRY"
    assert failed.attributes["error.type"] == "TRANSIENT_ERROR"
    assert failed.status.status_code is StatusCode.ERROR
    [done] = spans.named("process event", bst_outcome="DONE")
    assert done.attributes is not None
    assert done.attributes["bst.attempt"] == 2
    assert trace_of(done) == trace_of(failed) == TRACE_ID
    assert "Ketut" not in "".join(span.to_json() for span in spans.exporter.get_finished_spans())


async def test_events_that_share_a_commit_keep_their_own_traces(postgres_dsn: str, redis_url: str) -> None:
    spans = spans_in_memory()
    async with running(postgres_dsn, redis_url, spans.tracing) as api:
        await asyncio.gather(*(api.post(body(ref=f"WEB-{number}")) for number in range(20)))
        async with a_worker(postgres_dsn, redis_url, spans):
            await until(lambda: len(spans.named("process event")) == 20, "all twenty")
    doors = {span.context.span_id: span for span in spans.named(DOOR)}
    assert len({trace_of(door) for door in doors.values()}) == 20
    for event in spans.named("process event"):
        assert event.parent is not None
        assert trace_of(doors[event.parent.span_id]) == trace_of(event)
    shared = [span for span in spans.named("accept group") if len(span.links) > 1]
    assert shared, "twenty at once share commits"
    assert all(span.parent is None for span in shared)
    linked = {link.context.span_id for span in shared for link in span.links}
    assert linked <= doors.keys()


async def test_a_failure_for_good_ends_the_trace_as_an_error(postgres_dsn: str, redis_url: str) -> None:
    spans = spans_in_memory()
    async with traced(postgres_dsn, redis_url, spans) as api:
        await api.post(body("UPDATED", raw=paid("P-9", "SOMEHOW")), traceparent=TRACEPARENT)
        [event] = await until(lambda: spans.named("process event", bst_outcome="DEAD_LETTER"), "the dead letter")
    assert trace_of(event) == TRACE_ID
    assert event.status.status_code is StatusCode.ERROR


async def test_without_exporters_the_producers_trace_still_goes_into_the_log(postgres_dsn: str, redis_url: str) -> None:
    async with running(postgres_dsn, redis_url) as api:
        await api.post(body(), traceparent=TRACEPARENT)
        await api.post(body(ref="WEB-2"), traceparent="00-nonsense")
        stored = await api.rows("select trace_context from ingest_event_log order by external_booking_ref")
    assert stored == [(TRACEPARENT,), (None,)]


def test_spans_reach_a_collector_over_http() -> None:
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
            with pytest.MonkeyPatch.context() as patch:  # the exporter reads its own settings from the environment
                patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint["OTEL_EXPORTER_OTLP_ENDPOINT"])
                traces = traces_from(endpoint, service="bst-api")
                with traces.tracing.span("a span of the test", parent=TRACEPARENT):
                    pass
                traces.close()
        finally:
            server.shutdown()
            thread.join()
    sent = gunzipped(received[0])
    assert b"a span of the test" in sent
    assert b"bst-api" in sent
    assert bytes.fromhex(TRACE_ID) in sent


def gunzipped(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def test_tracing_is_off_unless_the_standard_variables_say_otherwise() -> None:
    assert not traces_from({}, service="bst-api").tracing.is_on
    assert not traces_from({"OTEL_TRACES_EXPORTER": "none"}, service="bst-api").tracing.is_on
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert not traces_from({**endpoint, "OTEL_SDK_DISABLED": "true"}, service="bst-api").tracing.is_on
    traces = traces_from({**endpoint, "OTEL_SERVICE_NAME": "ours"}, service="bst-api")
    assert isinstance(traces.tracing, OtelTracing)
    assert traces.provider is not None
    assert traces.provider.resource.attributes["service.name"] == "ours"
    traces.close()


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, "OTEL_TRACES_EXPORTER"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
    ],
)
def test_what_cannot_be_exported_is_said_at_the_start(environ: dict[str, str], named: str) -> None:
    with pytest.raises(BadSettings, match=named):
        traces_from(environ, service="bst-api")
