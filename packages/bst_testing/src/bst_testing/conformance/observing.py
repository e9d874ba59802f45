"""What whoever looks on has to promise: it takes note, changes nothing, and never fails."""

import asyncio
from datetime import timedelta

import pytest

from bst_application.ports.tracing import SpanKind, Tracing, trace_context
from bst_application.ports.watching import EventOutcome, Execution, ProcessingWatch
from bst_domain.ingest import FailureCode
from bst_testing.deliveries import NOW

STORED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class _Failure(Exception):
    pass


class TracingConformance:
    """Subclass it, and give a ``tracing`` fixture."""

    @pytest.fixture
    def tracing(self) -> Tracing:
        raise NotImplementedError("a subclass gives it")

    def test_a_stored_context_is_carried_on_in_its_trace(self, tracing: Tracing) -> None:
        with tracing.span("work", parent=STORED, detached=True) as span:
            assert span.context is not None
            assert trace_context(span.context) == span.context
            assert span.context[:36] == STORED[:36]

    def test_without_a_parent_a_context_is_none_or_can_be_stored(self, tracing: Tracing) -> None:
        with tracing.span("work", detached=True) as span:
            assert span.context is None or trace_context(span.context) == span.context
            assert span.context is None or tracing.is_on

    def test_an_exception_leaves_a_span_as_it_came(self, tracing: Tracing) -> None:
        with pytest.raises(_Failure), tracing.span("outer"), tracing.span("inner") as span:
            span.fail("WHY")
            raise _Failure

    def test_everything_may_be_said_of_a_span(self, tracing: Tracing) -> None:
        with tracing.span("work", kind=SpanKind.SERVER, attributes={"a": 1}) as span:
            span.set({"b": "two", "c": 3.0, "d": True})
            span.link([None, STORED, "not a context"])
            span.rename("other work")
        tracing.past(
            "past", kind=SpanKind.CONSUMER, parent="not a context", began_ns=1, links=[None, STORED], attributes={}
        )

    async def test_tasks_do_not_mix_their_spans(self, tracing: Tracing) -> None:
        async def one(parent: str) -> str | None:
            with tracing.span("outer", parent=parent, detached=True):
                await asyncio.sleep(0)
                with tracing.span("inner") as inner:
                    return inner.context

        parents = [f"00-{number:032x}-{number:016x}-01" for number in range(1, 6)]
        found = await asyncio.gather(*(one(parent) for parent in parents))
        for parent, context in zip(parents, found, strict=True):
            assert context is None or context[:36] == parent[:36]


class ProcessingWatchConformance:
    """Subclass it, and give a ``watch`` fixture."""

    @pytest.fixture
    def watch(self) -> ProcessingWatch:
        raise NotImplementedError("a subclass gives it")

    @pytest.mark.parametrize("outcome", EventOutcome)
    def test_every_outcome_and_reason_may_be_told(self, watch: ProcessingWatch, outcome: EventOutcome) -> None:
        """Clocks of two processes may disagree, so an event may end before it came."""
        reasons = [None] if outcome is EventOutcome.DONE else list(FailureCode)
        told = [
            Execution(outcome=outcome, reason=reason, received_at=NOW, ended_at=NOW + timedelta(seconds=away))
            for reason in reasons
            for away in (-3600, 0, 86_400)
        ]
        watch.committed(told, seconds=0.01)

    def test_nothing_and_everything_else_may_be_told(self, watch: ProcessingWatch) -> None:
        watch.committed([], seconds=0)
        watch.replays_ended(succeeded=0, failed=0)
        watch.replays_ended(succeeded=3, failed=1)
        watch.conflicted()
