"""Open Inference Protocol against MLServer itself, with scikit-learn models: null, width, versions, and its errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.project import load_project
from app.steward.init import InitError
from app.steward.init_model import init_model
from resolvers.backends.keyed.keyed import Key, Keyed
from resolvers.backends.keyed.registry import open_keyed
from schema.catalog import Product
from schema.errors import Refusal
from tests.keyed_http.parts import part, ports
from tests.keyed_http.products import CANARY, call, column, model, opened

pytestmark = pytest.mark.slow_parts

INPUTS = [column("distance", "float"), column("carrier", "string", "CARRIER"), column("seats", "bigint")]
OUTPUTS = [
    column("late", "boolean", "predict"),
    column("probability", "float", "predict_proba[1]"),
    column("probabilities", "array<float>", "predict_proba"),
]
RISK = model(INPUTS, OUTPUTS, nullable=frozenset({"distance", "carrier"}))
KEYS: list[Key] = [(500.0, "UA", 100), (2000.0, "B6", 120), (None, "UA", 5), (1300.0, None, 7)]


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    expected: dict[str, list[object]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    mlserver, at, (http, grpc, metrics) = part("mlserver"), tmp_path_factory.mktemp("mlserver"), ports(3)
    expected = json.loads(mlserver.run("mlserver_models.py", str(at / "models"), str(http), str(grpc), str(metrics)))
    url = f"http://127.0.0.1:{http}"
    with mlserver.serving(f"{url}/v2/health/ready", at, "mlserver", "start", "models"):
        yield Server(url, expected)


@pytest.fixture
async def backend(server: Server) -> AsyncIterator[Keyed]:
    backend = opened("open_inference", server.url, parameters={"content_type": "pd"})
    await backend.check()
    yield backend
    await backend.close()


def expected(server: Server) -> list[object]:
    return [
        {"late": bool(late), "probability": pair[1], "probabilities": pair}  # type: ignore[index]
        for late, pair in zip(server.expected["predict"], server.expected["predict_proba"], strict=True)
    ]


@pytest.mark.parametrize("options", [{}, {"shape": "[n,1]"}, {"pin_version": True}])
async def test_rows(backend: Keyed, server: Server, options: dict[str, object]) -> None:
    """As scikit-learn itself says, nulls among them."""
    product = replace(RISK, model=replace(RISK.model, options=options))  # type: ignore[type-var]
    assert await backend.find(product, KEYS, (), call()) == expected(server)
    assert await backend.find(product, KEYS[::-1], (), call()) == expected(server)[::-1]


async def test_a_thousand_rows_in_one_call(backend: Keyed) -> None:
    keys: list[Key] = [(float(n), "UA", n) for n in range(1, 1001)]
    rows = await backend.find(RISK, keys, (), call())
    (one,) = await backend.find(RISK, [keys[637]], (), call())
    assert len(rows) == 1000
    assert rows[637] == one


async def test_one_tensor(server: Server) -> None:
    """A model that declares nothing, with one matrix, in which JSON's null is read as NaN."""
    product = model(
        [column("a", "float"), column("b", "float")],
        [column("twice", "float", "predict")],
        nullable=frozenset({"a"}),
        options={"tensor": "input-0"},
        name="double",
    )
    backend = opened("open_inference", server.url)
    rows = await backend.find(product, [(0.1, 0.2), (0.7, 0.8), (None, 0.2)], (), call())
    assert rows == [{"twice": value} for value in server.expected["double"]]
    await backend.close()


async def test_the_entry_that_init_writes(server: Server, tmp_path: Path) -> None:
    """What MLServer says of a model, written down, loaded, and asked with."""
    await init_model(f"{server.url}/v2/models/delay-risk", tmp_path)
    catalog = load_project(tmp_path).catalog
    product = catalog.products["ml.delay_risk"]
    assert product.model is not None
    product = replace(product, model=replace(product.model, nullable=frozenset({"distance", "carrier"})))
    backend = open_keyed(catalog.sources["scorer"], server.url, tmp_path)
    rows = await backend.find(product, KEYS, (), call())
    assert [row and row["predict_proba"] for row in rows] == server.expected["predict_proba"]
    await backend.close()
    with pytest.raises(InitError, match=r"model-settings\.json"):
        await init_model(f"{server.url}/v2/models/double", tmp_path / "other")


WRONG: list[tuple[str, Product, Key, int]] = [
    ("no such model", replace(RISK, physical=("nope",)), KEYS[0], 404),
    ("a null in a tensor of integers", model(INPUTS, OUTPUTS, nullable=frozenset({"seats"})), (1.0, "UA", None), 500),
    ("no such output", model(INPUTS, [column("x", "float")]), KEYS[0], 400),
    (
        "text for numbers",
        model([column("distance", "string"), *INPUTS[1:]], OUTPUTS),
        (CANARY, "UA", 1),
        500,
    ),
]


@pytest.mark.parametrize(("name", "product", "key", "status"), WRONG, ids=[name for name, *_ in WRONG])
async def test_its_errors(
    backend: Keyed, server: Server, name: str, product: Product, key: Key, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is CH502, says nothing of the row, and the next call is answered."""
    with pytest.raises(Refusal) as caught:
        await backend.find(product, [key], (), call())
    assert caught.value.code == "CH502"
    assert f"it answered HTTP{status}" in caplog.text
    assert await backend.find(RISK, KEYS, (), call()) == expected(server)
