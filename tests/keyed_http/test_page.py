"""docs/model-endpoints.md: its examples load and open, and it names every option that there is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from app.project import load_project
from app.steward.init_write import PERSONAS, POLICIES, SETTINGS
from resolvers.backends.keyed import feast, http_options, mlflow, open_inference, vertex
from resolvers.backends.keyed.registry import open_keyed

PAGE = (Path(__file__).parents[2] / "docs" / "model-endpoints.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
OPTIONS = {
    *http_options.SHARED,
    *open_inference.OPTIONS,
    *mlflow.OPTIONS,
    *vertex.OPTIONS,
    *feast.OPTIONS,
    *feast.OWN,
}


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_options_are_documented(option: str) -> None:
    assert f"`{option}" in PAGE


async def test_examples(tmp_path: Path) -> None:
    sources = {"feast": {"kind": "feast", "url": "http://127.0.0.1:6566"}}
    products: dict[str, object] = {}
    for example in EXAMPLES:
        sources |= example.get("sources", {})
        products |= example.get("products", {})
    settings = yaml.safe_load(SETTINGS.format(name="x", kind="duckdb", url="x")) | {"sources": sources}
    for file, text in {
        "customhouse.yaml": yaml.safe_dump(settings),
        "catalog/all.yaml": yaml.safe_dump({"domains": {"ml": {}, "ops": {}}, "products": products}, sort_keys=False),
        "policies/policies.yaml": POLICIES,
        "personas.yaml": PERSONAS,
    }.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    catalog = load_project(tmp_path).catalog
    assert set(catalog.products) == {"ml.delay_risk", "ops.route_delay"}
    for source in catalog.sources.values():
        await open_keyed(source, source.url, tmp_path).close()
    product = catalog.products["ops.route_delay"]
    asked = feast.asked(product, ("mean_delay_30d", "flights", "as_of"), False)
    assert [(view, name) for _, view, name in asked.features] == [
        ("route_delay_30d", "mean_delay_30d"),
        ("route_counts", "flights_30d"),
    ]
    bare = replace(product, features=replace(product.features, options={}))  # type: ignore[type-var]
    assert feast.asked(bare, ("mean_delay_30d",), False).features[0][1] == "route_delay"
