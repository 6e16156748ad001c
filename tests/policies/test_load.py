"""Policy files as cases: what must not load and how it is said, which names callers get, which rules come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.condition import Moment
from policies.decide import decide
from policies.govern import localized
from policies.guard import guard_tuple
from policies.load import load_policies
from policies.rules import PolicySet
from policies.visible import visible
from schema.caller import Caller
from schema.catalog import Catalog
from schema.errors import LoadErrors
from schema.visible import VisibleSet
from tests.policies.house import caller, house, project

CASES = Path(__file__).parent / "cases"
MINUTE = 29_000_000


def cases(name: str) -> Any:
    return yaml.safe_load((CASES / name).read_text("utf-8"))


def load(folder: Path, text: str, catalog: Catalog | None = None) -> PolicySet:
    return load_policies(project(folder, text), catalog or house())


@pytest.mark.parametrize("case", cases("load_errors.yaml"), ids=lambda case: case["name"])
def test_load_errors(case: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(LoadErrors) as caught:
        load(tmp_path, case["policies"])
    got = [(f"{e.place.line}:{e.place.column}", e.code, e.sentence) for e in caught.value.errors]
    want = sorted(case["errors"], key=lambda e: (*map(int, e[0].split(":")), e[1]))
    assert [(place, code) for place, code, _ in got] == [(place, code) for place, code, _ in want], str(caught.value)
    for (_, _, sentence), (_, _, part) in zip(got, want, strict=True):
        assert part in sentence


VISIBLE = [
    pytest.param(case["policies"], who, id=f"{case['name']} {who.get('claims', '')}")
    for case in cases("visible.yaml")
    for who in case["callers"]
]


@pytest.mark.parametrize(("policies", "who"), VISIBLE)
def test_visible(policies: str, who: dict[str, Any], tmp_path: Path) -> None:
    catalog = house()
    zone = who.get("zone", "internal")
    region = catalog.zones[zone].region
    asking = caller(who.get("claims", {}), zone, who.get("purpose"), region)
    policies_ = load(tmp_path, policies)
    names = visible(policies_, catalog, asking, Moment(MINUTE, region))
    sees = {**who["sees"], **who.get("also", {})}
    assert {product: set(columns) for product, columns in names.columns.items()} == {
        product: _columns(catalog, product, spelt) for product, spelt in sees.items()
    }
    _same_as_the_gate(policies_, catalog, asking, Moment(MINUTE, region), names)
    if "follows" in who:
        found = [f"{product}.{name}" for product, way in names.relationships.items() for name in sorted(way)]
        assert found == who["follows"]


def _same_as_the_gate(policies: PolicySet, catalog: Catalog, who: Caller, moment: Moment, names: VisibleSet) -> None:
    """Every name that may be known is one that the gate answers, and no other, but for wholly denied products."""
    for product in catalog.published(who.zone):
        rules = policies.rules[who.zone][product.id]
        here = localized(product, rules, catalog, who.zone)
        decision = decide(rules, guard_tuple(rules, who, moment), frozenset(product.columns), here)
        cells = {name for name, cell in decision.cells.items() if cell.visible is not False}
        assert names.columns.get(product.id, frozenset()) in (cells, set())
        assert names.product(product.id) or not cells or decision.rows is False


def _columns(catalog: Catalog, product: str, spelt: str | list[str]) -> set[str]:
    everything = set(catalog.products[product].columns)
    if isinstance(spelt, list):
        return set(spelt)
    return everything - {spelt.removeprefix("-")} if spelt.startswith("-") else everything


SQL = cases("sql.yaml")


@pytest.mark.parametrize("case", SQL["derived"], ids=lambda case: case["sql"])
def test_derived_columns(case: dict[str, str], tmp_path: Path) -> None:
    _loads(house(derived={"extra": case["sql"]}), case, tmp_path)


@pytest.mark.parametrize("case", SQL["views"], ids=lambda case: case["view"])
def test_views(case: dict[str, str], tmp_path: Path) -> None:
    _loads(house(views={"operations.per_carrier": case["view"]}), case, tmp_path)


def _loads(catalog: Catalog, case: dict[str, str], folder: Path) -> None:
    if "code" not in case:
        load(folder, "grants: []", catalog)
        return
    with pytest.raises(LoadErrors) as caught:
        load(folder, "grants: []", catalog)
    assert {error.code for error in caught.value.errors} == {case["code"]}, str(caught.value)


def test_digests_follow_the_names_and_nothing_else(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        """
        grants:
          - {name: a, on: {products: [operations.planes]}, when: "'a' IN claims.roles"}
          - {name: b, on: {products: [operations.planes]}, when: "'b' IN claims.roles", columns: {allow: ["*"]}}
          - {name: c, on: {products: [operations.planes]}, when: "'c' IN claims.roles", columns: {except: [seats]}}
        """,
    )
    a, b, c = (
        visible(policies, house(), caller({"roles": [role]}), Moment(MINUTE, "eu-west-1")).digest for role in "abc"
    )
    assert a == b != c


def test_masks_stand_most_specific_first_and_clears_name_them(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        """
        masks:
          - {name: by-zone, on: {zone: internal, products: ["*"]}, mask: null}
          - {name: by-domain, on: {products: ["customers.*"]}, mask: null}
          - {name: by-tag, on: {tag: commercial}, mask: null}
          - {name: by-product, on: {products: [customers.bookings]}, mask: null}
          - {name: by-column, on: {column: customers.bookings.fare}, mask: {bucket: 100}}
        grants:
          - {name: all, on: {products: ["*"]}, clear: [{mask: by-tag}, {column: email}]}
          - {name: some, on: {products: [customers.bookings]}, columns: {allow: [id]}, clear: [{mask: by-zone}]}
        """,
    )
    rules = policies.rules["internal"]["customers.bookings"]
    assert [rule.name for rule in rules.masks["fare"]] == ["by-column", "by-product", "by-tag", "by-domain", "by-zone"]
    assert [rule.name for rule in policies.rules["partner"]["customers.bookings"].masks["id"]] == [
        "by-product",
        "by-domain",
    ]
    every, some = rules.grants
    assert {column: set(names) for column, names in every.clears.items()} == {
        "fare": {"by-tag"},
        "email": {"by-product", "by-domain", "by-zone"},
    }
    assert set(some.columns) == {"id"}
    assert {column: set(names) for column, names in some.clears.items()} == {"id": {"by-zone"}}


def test_what_is_allowed_but_unwise_is_a_warning(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        """
        masks:
          - {name: a, on: {tag: pii.email}, mask: redact, reveal_when: true}
          - {name: b, on: {tag: pii.name}, mask: redact, reveal_when: "residency = 'EU'"}
          - {name: c, on: {tag: pii.passport}, mask: redact, reveal_when: "claims.tenant IS NOT NULL"}
        grants:
          - {name: d, on: {products: [customers.bookings]}, clear: [{tag: pii.name}]}
          - {name: e, on: {products: [customers.bookings]}, when: "claims.admin", clear: [{tag: pii.name}]}
        """,
    )
    assert sorted((w.code, w.place.line) for w in policies.warnings) == [
        ("CH430", 3),
        ("CH430", 4),
        ("CH431", 5),
        ("CH432", 7),
    ]


def test_entitlements_are_physical_and_kept_as_long_as_the_table_is_fresh(tmp_path: Path) -> None:
    rows = "carrier IN (SELECT carrier FROM internal.entitlements WHERE login = claims.sub AND level IN claims.levels)"
    policies = load(tmp_path, f'grants: [{{name: a, on: {{products: [operations.flights]}}, rows: "{rows}"}}]')
    (found,) = policies.entitlements.values()
    assert (found.source, found.ttl, str(found.type)) == ("main", 30.0, "string")
    assert found.select.sql() == (
        'SELECT "carrier" FROM "main"."entitlements" WHERE "LOGIN" = :claim:sub AND CH_IN("level", :claim:levels)'
    )
    condition = policies.rules["internal"]["operations.flights"].grants[0].rows
    assert condition is not None
    assert (set(condition.claims), set(condition.entitlements)) == ({"sub", "levels"}, {found.id})
    assert condition.bits(caller({"sub": "ana"}), Moment(MINUTE, None)) is None


def test_a_policy_file_under_another_ending_is_not_passed_over(tmp_path: Path) -> None:
    """A deny that is silently not read would widen access."""
    folder = project(tmp_path, "grants: []")
    (folder / "policies" / "denies.yml").write_text("denies: []", encoding="utf-8")
    with pytest.raises(LoadErrors) as caught:
        load_policies(folder, house())
    assert [(error.code, error.place.file) for error in caught.value.errors] == [("CH401", "policies/denies.yml")]
