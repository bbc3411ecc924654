"""Families read from the database when somebody asks, in Prometheus' own words. Knows no business word.

Every process would answer the same, since the numbers are rows and not memory. What is measured is told by
`Measure`s and `Histogram`s that the caller passes in, with the look at the rows they are read from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST

Sample = tuple[Sequence[str], float]
Counted = tuple[Sequence[str], Sequence[int], float]


@dataclass(frozen=True, slots=True)
class Measure:
    """One family: `read` returns its samples from a look at the rows, label values first.

    The name of a counter ends in `_total`.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[Any], Iterable[Sample]]
    kind: Literal["gauge", "counter"] = "gauge"

    def family(self) -> GaugeMetricFamily | CounterMetricFamily:
        if self.kind == "counter":
            return CounterMetricFamily(self.name, self.help, labels=self.labels)
        return GaugeMetricFamily(self.name, self.help, labels=self.labels)

    def collect(self, look: object) -> Metric:
        family = self.family()
        for values, number in self.read(look):
            family.add_metric([str(value) for value in values], number)
        return family


@dataclass(frozen=True, slots=True)
class Histogram:
    """One family of histograms: `read` returns label values, the count of each bucket, the sum.

    `ends` are the upper ends of all buckets but the last, which has none.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    ends: Sequence[float]
    read: Callable[[Any], Iterable[Counted]]

    def collect(self, look: object) -> Metric:
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for values, counts, total in self.read(look):
            below, buckets = 0, []
            for end, count in zip((*self.ends, float("inf")), counts, strict=True):
                below += count
                buckets.append((f"{end:g}" if end != float("inf") else "+Inf", float(below)))
            family.add_metric([str(value) for value in values], buckets, total)
        return family


class Rows:
    """A collector whose samples are read at the scrape."""

    def __init__(self, measures: Sequence[Measure | Histogram], look: object) -> None:
        self.measures = measures
        self.look = look

    def collect(self) -> Iterator[Metric]:
        for measure in self.measures:
            yield measure.collect(self.look)


def render(measures: Sequence[Measure | Histogram], look: object = None) -> bytes:
    """Return the text exposition of the measures, read now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Rows(measures, look))
    return generate_latest(registry)
