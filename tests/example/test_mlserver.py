"""The example's model behind MLServer instead of in this process: the same scores for the same page.

The project stays as it is but for one source, which speaks the Open Inference Protocol to a real MLServer that serves
examples/flights/models/mlserver.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from app.personas import load_personas
from app.project import load_project
from app.steward.papers import caller_of
from app.steward.policy_test import fixed_keys
from resolvers.backends.registry import open_source
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.catalog import Source
from tests.keyed_http.parts import part, ports

pytestmark = pytest.mark.slow_parts

FLIGHTS = Path(__file__).resolve().parents[2] / "examples" / "flights"
QUERY = """{ flights(first: 300, where: {month: {eq: 12}}) { nodes { id delayRisk { probability label } } }
  predictDelayRisk(inputs: [{distance: 733, hour: 18, dayOfWeek: 5, carrier: "UA"}]) { probability label } }"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    mlserver = part("mlserver-onnx", FLIGHTS / "models" / "mlserver" / "requirements.txt")
    models, (http, grpc, metrics) = tmp_path_factory.mktemp("mlserver") / "models", ports(3)
    shutil.copytree(FLIGHTS / "models", models)
    settings = models / "mlserver" / "settings.json"
    said = json.loads(settings.read_text()) | {"http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    settings.write_text(json.dumps(said))
    address = f"http://127.0.0.1:{http}"
    with mlserver.serving(f"{address}/v2/health/ready", models / "mlserver", "mlserver", "start", "."):
        yield address


@asynccontextmanager
async def engine(warehouse: Path, scorer: Source) -> AsyncIterator[Engine]:
    project = load_project(FLIGHTS)
    risk = project.catalog.products["ml.delay_risk"]
    assert risk.model is not None
    if scorer.kind != "onnx":
        risk = replace(risk, model=replace(risk.model, options={}))  # the digest of a file is of a file's source
    products = {**project.catalog.products, risk.id: risk}
    sources = {**project.catalog.sources, "scorer": scorer}
    catalog = replace(project.catalog, products=products, sources=sources)
    urls = {"flights": str(warehouse)}
    opened = {
        source.name: open_source(source, urls.get(source.name, source.url), FLIGHTS)
        for source in catalog.sources.values()
    }
    made = Engine(catalog, project.policies, "internal", opened, fixed_keys("internal"))
    try:
        yield made
    finally:
        await made.close()
        for one in opened.values():
            await one.close()


async def scores(warehouse: Path, scorer: Source) -> list[dict[str, object]]:
    caller = caller_of(load_personas(FLIGHTS)["admin"], load_project(FLIGHTS).catalog, "internal", None)
    async with engine(warehouse, scorer) as opened:
        answer = await opened.answer(Operation("graphql", QUERY), replace(caller, expires=time.time() + 60))
    body = orjson.loads(answer.body)
    assert "errors" not in body
    return [*(node["delayRisk"] for node in body["data"]["flights"]["nodes"]), *body["data"]["predictDelayRisk"]]


async def test_the_same_scores_over_the_network(warehouse: Path, url: str) -> None:
    """Probabilities to six digits: another process, another build of the runtime."""
    here = load_project(FLIGHTS).catalog.sources["scorer"]
    there = replace(here, kind="open_inference", url=url, options={"shape": "[n,1]", "floats": "FP32"})
    ours, theirs = await scores(warehouse, here), await scores(warehouse, there)
    assert len(ours) == 301
    assert [one["label"] for one in theirs] == [one["label"] for one in ours]
    assert [one["probability"] for one in theirs] == pytest.approx([one["probability"] for one in ours], abs=1e-6)
