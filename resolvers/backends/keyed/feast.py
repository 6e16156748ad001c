"""Feast's feature server, over HTTP.

    POST /get-online-features
    {"features": ["route_delay:mean_delay_30d"], "entities": {"ORIGIN": ["EWR", "JFK"], "DEST": ["IAH", "MIA"]}}
    {"metadata": {"feature_names": ["ORIGIN", "DEST", "mean_delay_30d"]},
     "results": [{"values": [..], "statuses": ["PRESENT", ..], "event_timestamps": [..]}, ..]}

Keys are the view's join keys, named by `Column.physical`. A feature is ``view:feature``: the view is the product's
physical name, the option ``view`` of its feature view, or stands in `Column.physical` itself; features of several views
are asked by their full names (``view__feature``). Answers are read by name, since Feast does not keep the order.

An entity whose features are all NOT_FOUND is absent. Event times come with the answer: a product's ``event_time``
column is no feature but the oldest of them, unless the option ``event_time_feature`` says that it is one. Feast serves
values past a view's time to live as it serves others, so what is stale is told by the product's own ``ttl``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from resolvers.backends.keyed.http import JsonClient
from resolvers.backends.keyed.http_options import HttpOptions
from resolvers.backends.keyed.instances import plain
from resolvers.backends.keyed.json_bodies import Unread, written
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.options import flag, known, text
from resolvers.backends.keyed.scoring import meant
from resolvers.backends.keyed.values import from_json
from resolvers.backends.places import Places
from schema.catalog import Column, FeatureView, Product, Source
from schema.types import TIMESTAMP, Kind

OPTIONS = ("full_feature_names",)
OWN = ("view", "event_time_feature")
BATCH = 500
_ABSENT = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for a product: its key, its features as (column, view, feature), and the column of event times."""

    key: tuple[Column, ...]
    features: tuple[tuple[Column, str, str], ...]
    event_time: Column | None
    full_names: bool

    def name(self, view: str, feature: str) -> str:
        return f"{view}__{feature}" if self.full_names else feature


@dataclass(frozen=True, slots=True)
class Found:
    """One feature of an answer: values, statuses and event times, one for each entity."""

    values: list[object]
    statuses: list[object]
    times: list[object]


class Feast:
    """A feature server."""

    def __init__(self, source: Source, options: HttpOptions) -> None:
        self.name = source.name
        self._full_names = flag(source.options, "full_feature_names")
        self._batch = options.batch
        self._client = JsonClient(source.name, options)

    def batch(self, product: Product) -> int:
        return self._batch

    def fit(self, product: Product) -> None:
        asked(product, (), self._full_names)

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        with self._client.reading():
            with meant(product):
                what = asked(product, columns, self._full_names)
            body = request(what, keys)
        answer = await self._client.post("/get-online-features", body, call)
        with self._client.reading():
            return rows(answer, what, keys)

    async def check(self) -> None:
        await self._client.reach("/health")

    def places(self) -> list[Places]:
        return [self._client.places()]

    async def close(self) -> None:
        await self._client.close()


def asked(product: Product, columns: Sequence[str], full_names: bool) -> Asked:
    """What to ask for these columns. Raises ValueError for options that have no meaning.

    An event time or key alone is not to be had from Feast: then one feature is asked besides.
    """
    features = product.features or FeatureView()
    known(features.options, OWN, "a feature view of kind feast")
    view = text(features.options, "view") or product.physical[0]
    stored = flag(features.options, "event_time_feature")
    event_time = None if stored or features.event_time is None else product.columns[features.event_time]
    plain_columns = [
        column
        for column in product.columns.values()
        if column.name not in product.key and column is not event_time and column.expression is None
    ]
    wanted = [column for column in plain_columns if column.name in columns] or plain_columns[:1]
    placed = tuple((column, *_placed(column.physical, view)) for column in wanted)
    if not placed:
        raise ValueError("it has no column besides its key and event time, and so no feature to ask for")
    several = len({view for _, view, _ in placed}) > 1
    return Asked(tuple(product.columns[name] for name in product.key), placed, event_time, full_names or several)


def request(what: Asked, keys: Sequence[Key]) -> bytes:
    """The body of a call."""
    return written(
        {
            "features": [f"{view}:{feature}" for _, view, feature in what.features],
            "entities": {column.physical: [plain(key[at]) for key in keys] for at, column in enumerate(what.key)},
            "full_feature_names": what.full_names,
        }
    )


def rows(answer: object, what: Asked, keys: Sequence[Key]) -> list[Row | None]:
    """The rows of an answer. Raises Unread."""
    found = _by_name(answer)
    features = [(column, _checked(found, what.name(view, name), len(keys))) for column, view, name in what.features]
    return [_row(what, features, key, at) for at, key in enumerate(keys)]


def _row(what: Asked, features: Sequence[tuple[Column, Found]], key: Key, at: int) -> Row | None:
    present = [found for _, found in features if found.statuses[at] != _ABSENT]
    if not present:
        return None
    row: dict[str, object] = {column.name: part for column, part in zip(what.key, key, strict=True)}
    for column, found in features:
        row[column.name] = None if found.statuses[at] == _ABSENT else _value(found.values[at], column)
    if what.event_time is not None:
        times = [moment for found in present if (moment := _moment(found.times[at])) is not None]
        row[what.event_time.name] = _as(min(times), what.event_time) if times else None
    return row


def _placed(physical: str, view: str) -> tuple[str, str]:
    named, colon, feature = physical.partition(":")
    return (named, feature) if colon else (view, physical)


def _by_name(answer: object) -> Mapping[object, object]:
    metadata = answer.get("metadata") if isinstance(answer, Mapping) else None
    names = metadata.get("feature_names") if isinstance(metadata, Mapping) else None
    results = answer.get("results") if isinstance(answer, Mapping) else None
    if not isinstance(names, list) or not isinstance(results, list) or len(names) != len(results):
        raise Unread("its answer has not one result for each feature")
    return {name: result for name, result in zip(names, results, strict=True) if isinstance(name, str)}


def _checked(found: Mapping[object, object], name: str, count: int) -> Found:
    result = found.get(name)
    parts = [result.get(part) if isinstance(result, Mapping) else None for part in ("values", "statuses")]
    times = result.get("event_timestamps") if isinstance(result, Mapping) else None
    lists = [part for part in (*parts, times or [None] * count) if isinstance(part, list) and len(part) == count]
    if len(lists) != 3:
        raise Unread("a feature is missing, or has not one value for each entity")
    return Found(*lists)


def _value(value: object, column: Column) -> object:
    if isinstance(value, float) and value != value:
        return None
    try:
        return from_json(value, column.type)
    except ValueError:
        raise Unread(f"feature {column.name} is not of the type {column.type}") from None


def _moment(value: object) -> datetime | None:
    """An event time; None for the epoch, which Feast writes where it has none."""
    try:
        moment = from_json(value, TIMESTAMP)
    except ValueError:
        raise Unread("an event time is none") from None
    return moment if isinstance(moment, datetime) and moment.timestamp() > 0 else None


def _as(moment: datetime, column: Column) -> object:
    """An instant as the column's type has it, in UTC."""
    utc = moment.astimezone(UTC)
    if column.type.kind is Kind.DATE:
        return utc.date()
    return utc.replace(tzinfo=None) if column.type.kind is Kind.DATETIME else utc
