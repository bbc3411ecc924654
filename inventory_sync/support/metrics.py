"""Gauges read from the database when somebody asks, in Prometheus' own words. Knows no business word.

Every process would answer the same, since the numbers are rows and not memory. What is measured is told by
`Measure`s that the caller passes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

CONTENT_TYPE = CONTENT_TYPE_LATEST

Sample = tuple[Sequence[str], float]


@dataclass(frozen=True, slots=True)
class Measure:
    """One family of gauges: `read` returns its samples, label values first."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[], Iterable[Sample]]


class Rows:
    """A collector whose samples are read at the scrape."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = measures

    def describe(self) -> Iterator[Metric]:
        """Yield the families without reading anything."""
        for measure in self.measures:
            yield GaugeMetricFamily(measure.name, measure.help, labels=measure.labels)

    def collect(self) -> Iterator[Metric]:
        for measure in self.measures:
            family = GaugeMetricFamily(measure.name, measure.help, labels=measure.labels)
            for values, number in measure.read():
                family.add_metric([str(value) for value in values], number)
            yield family


def render(measures: Sequence[Measure]) -> bytes:
    """Return the text exposition of the measures, read now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Rows(measures))
    return generate_latest(registry)
