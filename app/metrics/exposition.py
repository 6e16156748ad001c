"""Print what all workers counted, in Prometheus' text format: sums over the sheets of the living and the dead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from app.metrics.families import PREFIX, RECORDED, Family
from app.metrics.sheet import Sheet

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def exposition(sheets: Sequence[Sheet]) -> bytes:
    """The text a scrape gets."""
    registry = CollectorRegistry()
    registry.register(_Workers(sheets))
    return generate_latest(registry)


class _Workers(Collector):
    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._sheets = sheets

    def collect(self) -> Iterator[Metric]:
        sums = _sums(self._sheets)
        for family in RECORDED.values():
            yield _metric(family, sums.get(family.name, {}))
        yield GaugeMetricFamily(
            f"{PREFIX}workers", "Workers that serve.", value=sum(sheet.serving for sheet in self._sheets)
        )
        versions = GaugeMetricFamily(
            f"{PREFIX}catalog_info", "The versions that are served.", labels=("version", "policies")
        )
        for found in {(version.catalog, version.policies) for sheet in self._sheets if (version := sheet.version)}:
            versions.add_metric(found, 1)
        yield versions

    def describe(self) -> Iterable[Metric]:
        return ()


def _sums(sheets: Sequence[Sheet]) -> dict[str, dict[tuple[str, ...], list[float]]]:
    sums: dict[str, dict[tuple[str, ...], list[float]]] = {}
    for sheet in sheets:
        for row in sheet.rows():
            ours = sums.setdefault(row.family.name, {})
            before = ours.get(row.labels, [0.0] * len(row.values))
            ours[row.labels] = [one + other for one, other in zip(before, row.values, strict=True)]
    return sums


def _metric(family: Family, found: dict[tuple[str, ...], list[float]]) -> Metric:
    name = PREFIX + family.name
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(name, family.said, labels=family.labels)
        for labels, values in sorted(found.items()):
            histogram.add_metric(labels, _cumulated(family, values), values[family.sum_at])
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(name, family.said, labels=family.labels)
    for labels, values in sorted(found.items()):
        metric.add_metric(labels, values[0])
    return metric


def _cumulated(family: Family, values: Sequence[float]) -> list[tuple[str, float]]:
    buckets, below = [], 0.0
    for bound, count in zip([*map(str, family.bounds), "+Inf"], values, strict=False):
        below += count
        buckets.append((bound, below))
    return buckets
