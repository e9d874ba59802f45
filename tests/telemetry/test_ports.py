"""Whoever looks on keeps the promises of the ports, and so does nobody."""

import pytest
from prometheus_client import CollectorRegistry

from bst_application.ports.tracing import NO_TRACING, Tracing
from bst_application.ports.watching import UNWATCHED, ProcessingWatch
from bst_telemetry.instruments import WorkInstruments
from bst_testing.conformance.observing import ProcessingWatchConformance, TracingConformance
from tests.telemetry.harness import spans_in_memory


class TestNoTracing(TracingConformance):
    @pytest.fixture
    def tracing(self) -> Tracing:
        return NO_TRACING


class TestOtelTracing(TracingConformance):
    @pytest.fixture
    def tracing(self) -> Tracing:
        return spans_in_memory().tracing


class TestNobodyWatches(ProcessingWatchConformance):
    @pytest.fixture
    def watch(self) -> ProcessingWatch:
        return UNWATCHED


class TestPrometheusWatches(ProcessingWatchConformance):
    @pytest.fixture
    def watch(self) -> ProcessingWatch:
        return WorkInstruments(CollectorRegistry())
