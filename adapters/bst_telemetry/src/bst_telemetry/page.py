"""Reading a metrics page, for people who have no Prometheus at hand."""

from collections.abc import Iterator, Mapping

from attrs import frozen
from prometheus_client.parser import text_string_to_metric_families


@frozen
class Sample:
    """One figure of a page."""

    name: str
    labels: Mapping[str, str]
    value: float


@frozen
class Page:
    """All figures of one look."""

    samples: tuple[Sample, ...]

    def of(self, name: str, **labels: str) -> Iterator[Sample]:
        """Figures of a name whose labels are these."""
        for sample in self.samples:
            if sample.name == name and all(sample.labels.get(label) == value for label, value in labels.items()):
                yield sample

    def value(self, name: str, **labels: str) -> float | None:
        """The one figure, or None when the page does not have it."""
        return next((sample.value for sample in self.of(name, **labels)), None)


def read_page(text: str) -> Page:
    """Raises ValueError for a text that is no metrics page."""
    return Page(
        tuple(
            Sample(sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )
    )
