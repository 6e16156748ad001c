"""Explanations as cases (reasons.yaml): the state, the rule and the words, by the gate's own decisions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from app.personas import load_personas
from app.project import Project, load_project
from app.steward.decisions import decision, now
from app.steward.papers import caller_of
from policies.explain import Explanation, explain
from tests.steward.place import HERE, house

CASES: list[Mapping[str, str]] = yaml.safe_load((HERE / "reasons.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return load_project(house(tmp_path_factory.mktemp("reasons"), databases=False))


def told(project: Project, persona: str, product: str, purpose: str | None) -> Explanation:
    caller = caller_of(load_personas(project.root)[persona], project.catalog, None, purpose)
    moment = now(project.catalog, caller.zone)
    one = project.catalog.products[product]
    found = decision(project.catalog, project.policies, one, caller, moment)
    return explain(one, found, project.policies, project.catalog, caller, moment)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['as']} {case.get('column') or case['product']}")
def test_reason(project: Project, case: Mapping[str, str]) -> None:
    product, _, column = case["column"].rpartition(".") if "column" in case else (case["product"], "", "")
    found = told(project, case["as"], product, case.get("purpose"))
    if column:
        why = next(one for one in found.columns if one.column == column)
        assert (why.state, why.rule) == (case["state"], case["rule"])
        assert case["says"] in why.sentence
        assert (why.place is None) is (why.rule is None)
    elif "rule" in case:
        rule = next(one for one in found.rules if one.name == case["rule"])
        assert rule.effect == case["effect"]
        assert case["says"] in rule.sentence
        line = Path(project.root, rule.place.file).read_text(encoding="utf-8").splitlines()[rule.place.line - 1]
        assert rule.name in line
    else:
        assert (found.rows, found.condition) == (case["rows"], case["condition"])
