"""Tracing on OpenTelemetry, configured by the standard OTEL_* variables and off without them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from attrs import define, frozen
from opentelemetry import trace
from opentelemetry.context import Context

from bst_application.ports.tracing import NO_TRACING, Attributes, Span, SpanKind, Tracing, trace_context
from bst_application.settings import BadSettings

if TYPE_CHECKING:  # the SDK costs 0.4 s and 20 MB, and most processes do not trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_KINDS: Final = {
    SpanKind.SERVER: trace.SpanKind.SERVER,
    SpanKind.INTERNAL: trace.SpanKind.INTERNAL,
    SpanKind.PRODUCER: trace.SpanKind.PRODUCER,
    SpanKind.CONSUMER: trace.SpanKind.CONSUMER,
}
_EXPORTERS: Final = ("otlp", "console", "none")
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@define
class OtelSpan:
    """One span of OpenTelemetry."""

    _span: trace.Span

    @property
    def context(self) -> str | None:
        return _written(self._span.get_span_context())

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def link(self, contexts: Sequence[str | None]) -> None:
        for context in dict.fromkeys(contexts):
            if (linked := _read(context)).is_valid:
                self._span.add_link(linked)

    def fail(self, why: str) -> None:
        self._span.set_attribute("error.type", why)
        self._span.set_status(trace.StatusCode.ERROR)

    def rename(self, name: str) -> None:
        self._span.update_name(name)


@frozen
class OtelTracing:
    """Tracing through one tracer."""

    tracer: trace.Tracer
    is_on: Final = True

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: str | None = None,
        detached: bool = False,
        attributes: Attributes | None = None,
    ) -> Iterator[Span]:
        context = _under(parent) if parent is not None or detached else None
        with self.tracer.start_as_current_span(
            name,
            context,
            kind=_KINDS[kind],
            attributes=attributes,
            record_exception=False,  # its message may quote a guest
            set_status_on_exception=False,
        ) as started:
            span = OtelSpan(started)
            try:
                yield span
            except Exception as error:
                span.fail(type(error).__qualname__)
                raise

    def past(
        self,
        name: str,
        *,
        kind: SpanKind,
        parent: str | None,
        began_ns: int,
        links: Sequence[str | None],
        attributes: Attributes,
    ) -> None:
        made = [trace.Link(linked) for context in links if (linked := _read(context)).is_valid]
        span = self.tracer.start_span(
            name, _under(parent), kind=_KINDS[kind], attributes=attributes, links=made, start_time=began_ns
        )
        if "error.type" in attributes:
            span.set_status(trace.StatusCode.ERROR)
        span.end()


def _written(context: trace.SpanContext) -> str | None:
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _read(stored: str | None) -> trace.SpanContext:
    """What cannot be read is a trace of nobody."""
    context = trace_context(stored)
    if context is None:
        return trace.INVALID_SPAN_CONTEXT
    return trace.SpanContext(
        trace_id=int(context[3:35], 16),
        span_id=int(context[36:52], 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(context[53:55], 16)),
    )


def _under(parent: str | None) -> Context:
    """A context with this parent, or with none."""
    return Context() if parent is None else trace.set_span_in_context(trace.NonRecordingSpan(_read(parent)), Context())


@frozen
class Traces:
    """The process's tracing, and how to say goodbye: what is still to be sent is sent."""

    tracing: Tracing
    provider: TracerProvider | None

    def close(self) -> None:
        """Waits for the exporter, some seconds at most."""
        if self.provider is not None:
            self.provider.shutdown()


def traces_from(environ: Mapping[str, str], *, service: str) -> Traces:
    """Off unless OTEL_TRACES_EXPORTER or an OTLP endpoint is set. Raises BadSettings.

    The sampler, the batching, the resource and the exporter's own settings are read by the SDK from OTEL_*.
    """
    exporter = _exporter(environ)
    if exporter is None:
        return Traces(NO_TRACING, None)
    provider = provider_for(exporter, service=environ.get("OTEL_SERVICE_NAME", "").strip() or service)
    return Traces(OtelTracing(provider.get_tracer("bst")), provider)


def provider_for(exporter: SpanExporter, *, service: str) -> TracerProvider:
    """Spans in batches, in the background: nobody waits for the collector."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.namespace": "bst"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(environ: Mapping[str, str]) -> SpanExporter | None:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    named = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not named:
        named = "otlp" if any(environ.get(name, "").strip() for name in _ENDPOINTS) else "none"
    if named not in _EXPORTERS:
        raise BadSettings([f"OTEL_TRACES_EXPORTER must be one of {', '.join(_EXPORTERS)}"])
    if named == "none":
        return None
    if named == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    protocol = (
        environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or "http/protobuf"
    )
    if protocol != "http/protobuf":
        raise BadSettings(
            ["OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf; collectors take it on port 4318, next to gRPC on 4317"]
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
