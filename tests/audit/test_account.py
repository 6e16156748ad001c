"""Account: what an auditor is told was decided, case by case over the leak tests' project (account.yaml)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from policies.account import Account
from resolvers.operation import Operation
from resolvers.statements.engine import Asked
from tests.leak.compare import real_project
from tests.leak.engines import DuckDBFiles
from tests.leak.house import House, caller
from tests.leak.reference import PERSONAS

CASES = yaml.safe_load(Path(__file__).with_name("account.yaml").read_text())
WHO = {persona.name: persona for persona in PERSONAS}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("account") / "p"
    real_project(folder, 1, DuckDBFiles())
    return House.open(folder)


def account(house: House, case: dict[str, str]) -> Account:
    asks = caller(WHO[case["as"]])
    if "sql" in case:
        return house.engine.statements.prepare(Asked(case["sql"]), asks)[1].account
    return house.engine.prepare(Operation("graphql", case["query"]), asks).ready.account


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_is_told(case: dict[str, str], house: House) -> None:
    told = account(house, case)
    found = {
        product.id: {
            "rows": product.rows,
            "columns": {column.name: " ".join((column.state, *column.masks)) for column in product.columns},
            "rules": {f"{rule.kind} {rule.name}": rule.effect for rule in product.rules},
        }
        for product in told.products
    }
    assert found == case["told"]
    assert account(house, case) is told, "made once for a plan"
