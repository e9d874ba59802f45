"""The API and the worker in this process, over real PostgreSQL and a real broker, with spans kept in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bst_application.settings import settings_from
from bst_telemetry.tracing import OtelTracing
from bst_worker.wiring import work
from tests.api.harness import Api, running

WITHIN_S = 30.0
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


@frozen(kw_only=True)
class Spans:
    """What was exported."""

    exporter: InMemorySpanExporter
    tracing: OtelTracing

    def named(self, name: str, **attributes: Any) -> list[ReadableSpan]:
        """Spans of a name; ``attributes`` spell dots as underscores."""
        wanted = {key.replace("_", "."): value for key, value in attributes.items()}
        return [
            span
            for span in self.exporter.get_finished_spans()
            if span.name == name and all((span.attributes or {}).get(key) == value for key, value in wanted.items())
        ]


def spans_in_memory() -> Spans:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Spans(exporter=exporter, tracing=OtelTracing(provider.get_tracer("bst")))


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


async def until(condition: Callable[[], Any], what: str) -> Any:
    """Waits for something of the outside world; fails when it does not come."""
    async with asyncio.timeout(WITHIN_S):
        while not (found := condition()):  # noqa: ASYNC110 - the outside world has no event
            await asyncio.sleep(0.02)
    assert found, what
    return found


@asynccontextmanager
async def a_worker(dsn: str, redis_url: str, spans: Spans | None = None, /, **environ: str) -> AsyncIterator[None]:
    """A worker for the time of the block; what it ends with comes out."""
    settings = settings_from(
        {"OPS_DB_URL": dsn, "INGEST_REDIS_URL": redis_url, "INGEST_QUEUE_ENABLED": "true", **environ}
    )
    stop = asyncio.Event()
    task = asyncio.create_task(work(settings, stop) if spans is None else work(settings, stop, spans.tracing))
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def traced(dsn: str, redis_url: str, spans: Spans, **environ: str) -> AsyncIterator[Api]:
    """API and worker, traced."""
    async with running(dsn, redis_url, spans.tracing, **environ) as api, a_worker(dsn, redis_url, spans):
        yield api
