"""SageMaker Runtime through the real client, against a stand-in whose model is a line of arithmetic.

This proves the client's side only: what is sent, and how answers and errors are read. How AWS behaves is not proven
here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from resolvers.backends.keyed.keyed import Key, Keyed
from resolvers.backends.keyed.registry import open_keyed
from resolvers.backends.keyed.sagemaker import SageMaker
from schema.catalog import Place, Product, Source
from schema.errors import Refusal
from tests.keyed.conformance import CANARY, Faults, House, soon
from tests.keyed.moto import REGION
from tests.keyed.products import model
from tests.keyed.stand import Request, Stand
from tests.keyed.wire import Wire

INPUTS = {"distance": "float", "carrier": "string"}
OUTPUTS = {"probability": "float", "label": "string"}


def endpoint(request: Request) -> tuple[int, object]:
    """Of a list of instances, the thousandth of the first input and the second in small letters."""
    name = request.path.split("/")[2]
    if name == "refusing":
        return 424, {"__type": "ModelError", "Message": f"cannot score {CANARY}", "OriginalMessage": CANARY}
    if name not in ("delay", "spoilt"):
        return 400, {"__type": "ValidationError", "Message": f"Endpoint {name} not found."}
    instances = json.loads(request.body)["instances"]
    if name == "spoilt":
        return 200, {"predictions": [[CANARY, "x"] for _ in instances]}
    return 200, {"predictions": [[distance / 1000, carrier.lower()] for distance, carrier in instances]}


def source(**options: object) -> Source:
    return Source("models", "sagemaker", "", Place("test"), location=REGION, options=options)


class EndpointHouse(House):
    alone: Mapping[str, object] = {"workers": 1}
    product = model("delay", INPUTS, OUTPUTS)
    keys = ((733.0, "UA"), (1089.0, "B6"))
    columns = ("probability", "label")
    rows = (
        {"probability": 0.733, "label": "ua"},
        {"probability": 1.089, "label": "b6"},
    )

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def opened(self, **options: object) -> Keyed:
        return open_keyed(source(**options), f"http://127.0.0.1:{self.wire.port}", Path())

    def refusing(self) -> Product:
        return model("refusing", INPUTS, OUTPUTS)

    def spoilt(self) -> tuple[Product, Key, str]:
        return model("spoilt", INPUTS, OUTPUTS), self.keys[0], "probability"


@pytest.fixture
async def house(aws_environment: None) -> AsyncIterator[EndpointHouse]:
    with Stand(endpoint) as stand:
        wire = Wire("127.0.0.1", stand.port)
        await wire.mend()
        yield EndpointHouse(wire)
        await wire.cut()


class TestSageMaker(Faults):
    """What models and stores have in common; the client's side."""


async def scored(product: Product, keys: list[Key], answer: object, **options: object) -> tuple[list[object], Stand]:
    with Stand(lambda _: (200, answer)) as stand:
        backend = SageMaker(source(**options), stand.url)
        try:
            rows = await backend.find(product, keys, list(product.model.outputs if product.model else ()), soon())
        finally:
            await backend.close()
    outputs = product.model.outputs if product.model else ()
    return [row and tuple(row[name] for name in outputs) for row in rows], stand


@pytest.mark.parametrize(
    ("form", "body", "media"),
    [
        (
            "json-instances",
            {"instances": [[733.5, "U,A", True, None], [0.0, "\u00fc", False, 1.25]]},
            "application/json",
        ),
        (
            "json-records",
            {
                "instances": [
                    {"distance": 733.5, "carrier": "U,A", "late": True, "fare": None},
                    {"distance": 0.0, "carrier": "\u00fc", "late": False, "fare": 1.25},
                ]
            },
            "application/json",
        ),
        ("csv", [["733.5", "U,A", "1", ""], ["0.0", "\u00fc", "0", "1.25"]], "text/csv"),
    ],
)
async def test_what_is_sent(aws_environment: None, form: str, body: object, media: str) -> None:
    product = model(
        "m", {"distance": "float", "carrier": "string", "late": "boolean", "fare": "decimal"}, {"p": "float"},
        nullable=frozenset({"fare"}), options={"format": form, "target_model": "a.tar.gz", "variant": "blue"},
    )  # fmt: skip
    keys: list[Key] = [(733.5, "U,A", True, None), (0.0, "ü", False, Decimal("1.25"))]
    answer = b"0.1\n0.2\n" if form == "csv" else {"predictions": [0.1, 0.2]}
    rows, stand = await scored(product, keys, answer)
    assert rows == [(0.1,), (0.2,)]
    (request,) = stand.requests
    sent = list(csv.reader(io.StringIO(request.body.decode()))) if form == "csv" else json.loads(request.body)
    assert sent == body
    assert (request.method, request.path) == ("POST", "/endpoints/m/invocations")
    assert (request.headers["Content-Type"], request.headers["Accept"]) == (media, media)
    assert request.headers["X-Amzn-SageMaker-Target-Model"] == "a.tar.gz"
    assert request.headers["X-Amzn-SageMaker-Target-Variant"] == "blue"


TWO = {"p": "float", "label": "string"}
GOOD: list[tuple[str, dict[str, str], object, list[object]]] = [
    ("json-instances", {"p": "float"}, {"predictions": [0.1, 0.2]}, [(0.1,), (0.2,)]),
    ("json-instances", {"p": "float"}, {"predictions": [[0.1], [1]]}, [(0.1,), (1.0,)]),
    ("json-instances", {"p": "float"}, {"predictions": [0.1, None]}, [(0.1,), (None,)]),
    ("json-instances", {"n": "integer"}, {"predictions": [1.0, 2]}, [(1,), (2,)]),
    ("json-records", TWO, {"predictions": [[0.1, "a"], [0.2, "b"]]}, [(0.1, "a"), (0.2, "b")]),
    (
        "json-records",
        TWO,
        {"predictions": [{"out_label": "a", "out_p": 0.1}, {"out_p": 0.2, "out_label": None, "more": 1}]},
        [(0.1, "a"), (0.2, None)],
    ),
    ("csv", {"p": "float"}, b"0.1\n0.2", [(0.1,), (0.2,)]),
    ("csv", {"p": "float"}, b"0.1,0.2\n", [(0.1,), (0.2,)]),
    ("csv", TWO, b'0.1,"a,b"\r\n0.2,c\r\n', [(0.1, "a,b"), (0.2, "c")]),
    ("csv", {"p": "array<float>"}, b'"[0.1, 0.9]"\n"[1, 0]"\n', [([0.1, 0.9],), ([1.0, 0.0],)]),
    ("csv", {"late": "boolean"}, b"1\n false\n", [(True,), (False,)]),
    ("json-records", TWO, {"predictions": {"out_p": [0.1, 1], "out_label": ["a", "b"]}}, [(0.1, "a"), (1.0, "b")]),
]


@pytest.mark.parametrize(("form", "outputs", "answer", "wanted"), GOOD)
async def test_how_predictions_are_read(
    aws_environment: None, form: str, outputs: dict[str, str], answer: object, wanted: list[object]
) -> None:
    product = model("m", {"x": "float"}, outputs, options={"format": form})
    rows, _ = await scored(product, [(1.0,), (2.0,)], answer)
    assert rows == wanted


BAD: list[tuple[str, dict[str, str], object]] = [
    ("json-instances", {"p": "float"}, {"predictions": [0.1]}),
    ("json-instances", {"p": "float"}, {"predictions": [0.1, 0.2, 0.3]}),
    ("json-instances", {"p": "float"}, {"predictions": [[0.1, 0.2], [0.1, 0.2]]}),
    ("json-instances", {"p": "float"}, {"predictions": [CANARY, 0.2]}),
    ("json-instances", {"p": "float"}, {"predictions": {"a": 1}}),
    ("json-instances", {"p": "float"}, {CANARY: [0.1, 0.2]}),
    ("json-instances", {"p": "float"}, [0.1, 0.2]),
    ("json-instances", {"p": "float"}, CANARY.encode()),
    ("json-instances", {"p": "float"}, b"\xff" + CANARY.encode()),
    ("json-instances", {"p": "float"}, b""),
    ("json-instances", {"n": "integer"}, {"predictions": [1.5, 2]}),
    ("json-instances", TWO, {"predictions": [0.1, 0.2]}),
    ("json-records", TWO, {"predictions": [{"out_p": 0.1}, {"out_p": 0.2, "out_label": "b"}]}),
    ("csv", {"p": "float"}, b"0.1\n"),
    ("csv", {"p": "float"}, b"0.1\n" + CANARY.encode()),
    ("csv", TWO, b"0.1\n0.2\n"),
    ("csv", TWO, b'0.1,"a'),
    ("csv", {"p": "float"}, b"\xff" + CANARY.encode()),
]


@pytest.mark.parametrize(("form", "outputs", "answer"), BAD)
async def test_answers_that_are_none(
    aws_environment: None, form: str, outputs: dict[str, str], answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    product = model("m", {"x": "float"}, outputs, options={"format": form})
    with pytest.raises(Refusal) as refused:
        await scored(product, [(1.0,), (2.0,)], answer)
    assert refused.value.code == "CH502"
    assert CANARY not in caplog.text + refused.value.message


async def test_inputs_that_give_no_scoring_are_not_sent(aws_environment: None) -> None:
    product = model("m", {"x": "float", "y": "float"}, {"p": "float"}, nullable=frozenset({"y"}))
    keys: list[Key] = [(None, 1.0), (1.0, None), (float("inf"), 1.0), (float("nan"), 1.0), (2.0, float("nan"))]
    rows, stand = await scored(product, keys, {"predictions": [0.1, 0.2]})
    assert rows == [None, (0.1,), None, None, (0.2,)]
    assert [json.loads(request.body) for request in stand.requests] == [{"instances": [[1.0, None], [2.0, None]]}]
    rows, stand = await scored(product, keys[:1], {"predictions": []})
    assert (rows, stand.requests) == ([None], [])


@pytest.mark.parametrize("wanted", [[], ["label"]])
async def test_a_row_holds_all_outputs_whatever_is_wanted(house: EndpointHouse, wanted: list[str]) -> None:
    backend = house.opened()
    try:
        assert await backend.find(house.product, house.keys, wanted, soon()) == list(house.rows)
    finally:
        await backend.close()


@pytest.mark.parametrize(("batch", "wanted"), [(None, 7), (3, 3)])
def test_the_models_batch_comes_first(batch: int | None, wanted: int) -> None:
    assert SageMaker(source(batch=7), "").batch(model("m", INPUTS, OUTPUTS, batch=batch)) == wanted


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "xml"}, "'format' is one of json-instances, json-records, csv"),
        ({"variant": 1}, "'variant' is a text"),
        ({"endpoint": "x"}, "has no option 'endpoint'; there are format, target_model, variant"),
    ],
)
def test_options_of_the_model(options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SageMaker(source(), "").fit(model("m", INPUTS, OUTPUTS, options=options))
