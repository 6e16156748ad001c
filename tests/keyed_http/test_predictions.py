"""MLflow and Vertex AI: what is written, and every shape of predictions that is read. The stand-in proves our client;
`test_real_mlflow.py` asks a real server, for Vertex AI there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from schema.catalog import Column, Product
from schema.errors import Refusal
from tests.keyed_http.products import call, column, model, opened
from tests.keyed_http.stand_in import Reply, StandIn, said, standing_in

P, LABEL = column("p", "float"), column("label", "string")
LATE, CLASSES = column("late", "float", "scores[1]"), column("classes", "array<string>")
READ: list[tuple[str, Sequence[Column], object, list[object]]] = [
    ("numbers", [P], [0.5, 1], [{"p": 0.5}, {"p": 1.0}]),
    ("texts", [LABEL], ["a", "b"], [{"label": "a"}, {"label": "b"}]),
    ("lists of one", [P], [[0.5], [1]], [{"p": 0.5}, {"p": 1.0}]),
    ("lists by place", [P, LABEL], [[0.5, "a"], [1, "b"]], [{"p": 0.5, "label": "a"}, {"p": 1.0, "label": "b"}]),
    ("an element", [column("p", "float", "[1]")], [[0.9, 0.1], [0.3, 0.7]], [{"p": 0.1}, {"p": 0.7}]),
    ("an array", [column("p", "array<float>")], [[0.9, 0.1], [1, 0]], [{"p": [0.9, 0.1]}, {"p": [1.0, 0.0]}]),
    ("records", [P, LABEL], [{"label": "a", "p": 1, "x": 2}, {"label": "b", "p": None}],
     [{"p": 1.0, "label": "a"}, {"p": None, "label": "b"}]),
    ("records of arrays", [LATE, CLASSES],
     [{"scores": [0.9, 0.1], "classes": ["a", "b"]}, {"scores": [0, 1], "classes": []}],
     [{"late": 0.1, "classes": ["a", "b"]}, {"late": 1.0, "classes": []}]),
    ("a record of one array", [CLASSES], [{"classes": ["a"]}, {"classes": []}], [{"classes": ["a"]}, {"classes": []}]),
    ("records as they are", [column("p", "json")], [{"a": 1}, [2]], [{"p": {"a": 1}}, {"p": [2]}]),
    ("columns", [P, LABEL], {"p": [1, 2], "label": ["a", "b"]}, [{"p": 1.0, "label": "a"}, {"p": 2.0, "label": "b"}]),
]  # fmt: skip
WRONG: list[tuple[Sequence[Column], object]] = [
    ([P], [0.5]),
    ([P], [0.5, 0.5, 0.5]),
    ([P], [[0.5, 0.1], [1, 0]]),
    ([P], [{"q": 1}, {"q": 2}]),
    ([P], [{"p": [1, 2]}, {"p": [1, 2]}]),
    ([P, LABEL], [0.5, 0.5]),
    ([P, LABEL], [[0.5], [0.5]]),
    ([P, LABEL], [[0.5, "a", 1], [0.5, "a", 1]]),
    ([column("p", "float", "[2]")], [[0.9, 0.1], [0.3, 0.7]]),
    ([column("p", "float", "[0]")], [0.9, 0.1]),
    ([P, LABEL], {"p": [1, 2]}),
    ([P, LABEL], {"p": [1, 2], "label": ["a"]}),
    ([P], {"p": 1}),
    ([P], "ab"),
    ([P], None),
]
KEYS: list[tuple[object, ...]] = [(1.0,), (2.0,)]


async def ask(kind: str, predictions: object, outputs: Sequence[Column]) -> list[object]:
    async with standing_in(lambda request: said({"predictions": predictions})) as server:
        backend = (
            opened("mlflow", server.url)
            if kind == "mlflow"
            else opened("vertex", f"{server.url}/v1/x:predict", credentials="none")
        )
        try:
            return list(await backend.find(model([column("x", "float")], list(outputs)), KEYS, (), call()))
        finally:
            await backend.close()


@pytest.mark.parametrize("kind", ["mlflow", "vertex"])
@pytest.mark.parametrize(("name", "outputs", "found", "rows"), READ, ids=[name for name, *_ in READ])
async def test_predictions(kind: str, name: str, outputs: Sequence[Column], found: object, rows: list[object]) -> None:
    assert await ask(kind, found, outputs) == rows


@pytest.mark.parametrize(("outputs", "found"), WRONG)
async def test_predictions_that_do_not_fit(outputs: Sequence[Column], found: object) -> None:
    with pytest.raises(Refusal) as caught:
        await ask("mlflow", found, outputs)
    assert caught.value.code == "CH502"


async def test_nan_is_a_null() -> None:
    """As MLflow writes it."""
    async with standing_in(lambda request: Reply(b'{"predictions": [0.5, NaN]}')) as server:
        backend = opened("mlflow", server.url)
        assert await backend.find(model([column("x", "float")], [P]), KEYS, (), call()) == [{"p": 0.5}, {"p": None}]
        await backend.close()


INPUTS = model(
    [
        column("a", "float", "A"),
        column("b", "bigint"),
        column("c", "timestamp"),
        column("d", "decimal(12,2)"),
        column("e", "bytes"),
        column("f", "array<date>"),
        column("g", "boolean"),
    ],
    [P],
    nullable=frozenset({"b"}),
)
KEY = (1.5, None, datetime(2013, 1, 31, 5, tzinfo=UTC), Decimal("12.50"), b"\x00\xff", [date(2013, 1, 31)], True)
SENT = {"A": 1.5, "b": None, "c": "2013-01-31T05:00:00Z", "d": 12.5, "e": "AP8=", "f": ["2013-01-31"], "g": True}


async def body(server: StandIn, kind: str, product: Product, key: tuple[object, ...], **options: object) -> object:
    backend = opened(kind, f"{server.url}/v1/x:predict" if kind == "vertex" else server.url, **options)  # type: ignore[arg-type]
    assert await backend.find(product, [key], (), call()) == [{"p": 0.5}]
    await backend.close()
    return server.requests[-1].json()


async def test_what_mlflow_is_sent() -> None:
    async with standing_in(lambda request: said({"predictions": [0.5]})) as server:
        frame = {"columns": list(SENT), "data": [list(SENT.values())]}
        assert await body(server, "mlflow", INPUTS, KEY) == {"dataframe_split": frame}
        own = model([column("x", "float")], [P], options={"params": {"k": 3}})
        assert await body(server, "mlflow", own, (1.0,), params={"k": 1, "t": 0.5}) == {
            "dataframe_split": {"columns": ["x"], "data": [[1.0]]},
            "params": {"k": 3, "t": 0.5},
        }


FORMS: list[tuple[Mapping[str, object], Product, tuple[object, ...], object]] = [
    ({}, INPUTS, KEY, {"instances": [SENT]}),
    ({"instances": "lists"}, INPUTS, KEY, {"instances": [list(SENT.values())]}),
    ({"instances": "values"}, model([column("x", "float")], [P]), (1.0,), {"instances": [1.0]}),
    (
        {"parameters": {"top": 3}},
        model([column("x", "float")], [P], options={"instances": "lists"}),
        (1.0,),
        {"instances": [[1.0]], "parameters": {"top": 3}},
    ),
]


@pytest.mark.parametrize(("options", "product", "key", "sent"), FORMS)
async def test_what_vertex_is_sent(
    options: Mapping[str, object], product: Product, key: tuple[object, ...], sent: object
) -> None:
    async with standing_in(lambda request: said({"predictions": [0.5], "deployedModelId": "1"})) as server:
        assert await body(server, "vertex", product, key, credentials="none", **options) == sent
        assert server.requests[-1].path == "/v1/x:predict"
        assert "authorization" not in server.requests[-1].headers


async def test_values_need_one_input() -> None:
    async with standing_in(lambda request: said({"predictions": [0.5]})) as server:
        with pytest.raises(Refusal):
            await body(server, "vertex", INPUTS, KEY, credentials="none", instances="values")
        assert not server.requests
