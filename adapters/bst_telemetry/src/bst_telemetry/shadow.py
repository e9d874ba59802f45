"""What is counted of shadow reads: ShadowFigures for Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter

from bst_domain.migration import ParityField


class ShadowInstruments:
    """Without an old admin to look at, all of it stays 0."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._bookings = Counter(
            "bst_shadow_bookings",
            "Bookings of shadow reads: taken, dropped (the queue was full), matched, unmatched, failed (one look each)",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("taken", "dropped", "matched", "unmatched", "failed"):
            self._bookings.labels(outcome)
        self._mismatches = Counter(
            "bst_shadow_mismatches",
            "Bookings in which core's answer and the old admin's row differ, by field",
            ["field"],
            registry=registry,
        )
        for about in ParityField:
            self._mismatches.labels(about.value)

    def offered(self, taken: int, dropped: int) -> None:
        self._bookings.labels("taken").inc(taken)
        self._bookings.labels("dropped").inc(dropped)

    def compared(self, matched: int, unmatched: int, by_field: Mapping[str, int]) -> None:
        self._bookings.labels("matched").inc(matched)
        self._bookings.labels("unmatched").inc(unmatched)
        for about, count in by_field.items():
            self._mismatches.labels(about).inc(count)

    def failed(self) -> None:
        self._bookings.labels("failed").inc()
