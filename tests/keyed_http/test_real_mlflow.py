"""MLflow's own scoring server: types, nulls, its NaN that is no JSON, and its errors, which quote the row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from app.project import load_project
from app.steward.init_model import init_model
from resolvers.backends.keyed.keyed import Key, Keyed
from schema.errors import Refusal
from tests.keyed_http.parts import part, ports
from tests.keyed_http.products import CANARY, call, column, model, opened

pytestmark = pytest.mark.slow_parts

INPUTS = [
    column("distance", "float"),
    column("carrier", "string", "CARRIER"),
    column("seats", "bigint"),
    column("at", "datetime"),
]
OUTPUTS = [column("label", "string"), column("probability", "float"), column("seen", "bigint", "seats_seen")]
RISK = model(INPUTS, OUTPUTS, nullable=frozenset({"distance", "carrier", "at"}))
KEYS: list[Key] = [
    (500.0, "UA", 100, None),
    (500.0, "B6", 9_007_199_254_740_993, datetime(2013, 1, 1, 5)),
    (None, None, 5, None),
    (20_000.0, "UA", 6, None),
]
ROWS = [
    {"label": "on time", "probability": 0.1, "seen": 100},
    {"label": "late", "probability": 0.9, "seen": 9_007_199_254_740_993},
    {"label": "late", "probability": 0.9, "seen": 5},
    {"label": "late", "probability": None, "seen": 6},
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which MLflow itself saved the model."""
    at = tmp_path_factory.mktemp("mlflow")
    part("mlflow").run("mlflow_model.py", str(at / "model"))
    return at


@pytest.fixture(scope="module")
def url(saved: Path) -> Iterator[str]:
    mlflow, at, (port,) = part("mlflow"), saved, ports(1)
    url, where = f"http://127.0.0.1:{port}", ("--host", "127.0.0.1", "--port", str(port))
    command = ("mlflow", "models", "serve", "--model-uri", "model", *where, "--env-manager", "local")
    with mlflow.serving(f"{url}/ping", at, *command):
        yield url


@pytest.fixture
async def backend(url: str) -> AsyncIterator[Keyed]:
    backend = opened("mlflow", url)
    await backend.check()
    yield backend
    await backend.close()


async def test_rows(backend: Keyed) -> None:
    assert await backend.find(RISK, KEYS, (), call()) == ROWS
    assert await backend.find(RISK, KEYS[::-1], (), call()) == ROWS[::-1]


async def test_a_thousand_rows_in_one_call(backend: Keyed) -> None:
    rows = await backend.find(RISK, [(500.0, "UA", n, None) for n in range(1, 1001)], (), call())
    assert [row["seen"] for row in rows if row is not None] == list(range(1, 1001))


async def test_an_error_quotes_the_row_and_we_do_not(
    backend: Keyed, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Asked directly, MLflow answers with the value in its text; through us neither refusal nor log has it."""
    frame = {"columns": ["distance", "CARRIER", "seats", "at"], "data": [[1.0, "UA", CANARY, None]]}
    direct = httpx.post(f"{url}/invocations", json={"dataframe_split": frame})
    assert direct.status_code == 400
    assert CANARY in direct.text
    odd = model([*INPUTS[:2], column("seats", "string"), INPUTS[3]], OUTPUTS, nullable=frozenset({"at"}))
    with pytest.raises(Refusal) as caught:
        await backend.find(odd, [(1.0, "UA", CANARY, None)], (), call())
    assert caught.value.code == "CH502"
    assert "it answered HTTP400" in caplog.text
    assert CANARY not in f"{caught.value.message} {caught.value.hint}"
    assert await backend.find(RISK, KEYS, (), call()) == ROWS


async def test_the_entry_that_init_writes(saved: Path, backend: Keyed, tmp_path: Path) -> None:
    """The signature that MLflow saved, written down, loaded, and asked with."""
    await init_model(str(saved / "model"), tmp_path)
    product = load_project(tmp_path).catalog.products["ml.model"]
    assert await backend.find(product, KEYS, (), call()) == [
        {"label": row["label"], "probability": row["probability"], "seats_seen": row["seen"]} for row in ROWS
    ]


async def test_a_null_where_the_signature_has_none(backend: Keyed) -> None:
    odd = model(INPUTS, OUTPUTS, nullable=frozenset({"seats", "at"}))
    with pytest.raises(Refusal) as caught:
        await backend.find(odd, [(1.0, "UA", None, None)], (), call())
    assert caught.value.code == "CH502"
