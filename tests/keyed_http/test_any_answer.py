"""Any JSON at all, and answers that are right but for one place: rows, or CH502. Nothing else ever comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from resolvers.backends.keyed import feast, open_inference, predictions
from resolvers.backends.keyed.json_bodies import Unread
from resolvers.backends.keyed.scoring import outputs
from tests.keyed_http.products import column, model, view

WORDS = some.sampled_from(["p", "q", "x", "outputs", "predictions", "results", "metadata", "feature_names", "name"])
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=3) | WORDS,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
PRODUCT = model(
    [column("x", "float")],
    [column("p", "float"), column("q", "array<bigint>"), column("r", "boolean", "q[1]"), column("t", "timestamp", "q")],
)
ROUTE = view([column("k", "bigint")], [column("p", "float"), column("q", "date"), column("at", "timestamp")], "at")
KEYS: list[tuple[object, ...]] = [(1,), (2,)]
ASKED = feast.asked(ROUTE, ("p", "q", "at"), False)
TENSOR = {"name": "p", "shape": [2], "data": [1.5, None]}
RESULT = {"values": [1.5, None], "statuses": ["PRESENT", "NOT_FOUND"], "event_timestamps": ["2013-01-31T00:00:00Z"] * 2}
RIGHT: list[tuple[Callable[[object], object], Mapping[str, object]]] = [
    (
        lambda answer: open_inference.rows(answer, outputs(PRODUCT), 2),
        {"outputs": [TENSOR, {"name": "q", "shape": [2, 2], "data": [1, 0, 3, 1]}]},
    ),
    (
        lambda answer: predictions.rows(answer, outputs(PRODUCT), 2),
        {"predictions": [{"p": 0.5, "q": [1, 0]}, {"p": None, "q": [1, 1]}]},
    ),
    (
        lambda answer: feast.rows(answer, ASKED, KEYS),
        {"metadata": {"feature_names": ["p", "q"]}, "results": [RESULT, {**RESULT, "values": ["2013-01-31", None]}]},
    ),
]


@pytest.mark.parametrize(("read", "right"), RIGHT)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=some.data())
def test_any_answer(read: Callable[[object], object], right: Mapping[str, object], data: some.DataObject) -> None:
    answer = data.draw(JSON | some.just(spoiled(right, data)))
    try:
        rows = read(answer)
    except Unread:
        return
    assert isinstance(rows, list)
    assert len(rows) == 2


def spoiled(document: object, data: some.DataObject) -> object:
    """The document with one place of it made anything."""
    if not isinstance(document, dict | list) or not document or data.draw(some.integers(0, 5)) == 0:
        return data.draw(JSON)
    if isinstance(document, dict):
        name = data.draw(some.sampled_from(sorted(document)))
        return {**document, name: spoiled(document[name], data)}
    at = data.draw(some.integers(0, len(document) - 1))
    return [*document[:at], spoiled(document[at], data), *document[at + 1 :]]
