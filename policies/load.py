"""Load the policies of a project: files -> rules per zone and product, or every error at once.

1. Read ``policies/**/*.yaml``, check shapes (`load_files`).
2. Check the steward's SQL in the catalog: derived columns and views (`load_sql`).
3. Place every rule: selectors, conditions, masks, column lists (`load_rules`).
4. Check the rules against each other (`checks`), read the in-file tests (`load_tests`).

Does not promise: that a policy says what its steward meant (tests), or that a source has these columns
(`check --live`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from policies.checks import advise, check_rules
from policies.load_conditions import Conditions
from policies.load_files import read_policy_files
from policies.load_rules import RuleBook
from policies.load_sql import read_steward_sql
from policies.load_tests import read_tests
from policies.rules import PolicySet, ProductRules
from policies.safety import unsafe
from schema.catalog import Catalog
from schema.errors import LoadError, LoadErrors


def load_policies(project: Path, catalog: Catalog) -> PolicySet:
    """Load the policy files of a project directory. Raises `LoadErrors` with everything that is wrong."""
    errors: list[LoadError] = []
    warnings: list[LoadError] = []
    files = read_policy_files(project, errors)
    steward = read_steward_sql(catalog, errors)
    conditions = Conditions(catalog, steward.derived, errors, warnings)
    book = RuleBook(catalog, conditions, errors)
    book.read(files)
    rules = _by_zone(book, catalog)
    tests = read_tests(files.sections["tests"], catalog, errors)
    errors += check_rules(rules, book)
    errors += unsafe(rules, catalog)
    if errors:
        raise LoadErrors(errors)
    warnings += advise(rules, catalog, steward.behind)
    return PolicySet(
        version=files.version,
        rules=rules,
        entitlements=conditions.entitlements,
        tests=tests,
        derived=steward.derived,
        views=steward.views,
        warnings=tuple(warnings),
    )


def _as_shown(rules: ProductRules, zone: str, catalog: Catalog) -> ProductRules:
    """The rules of a product in a zone that does not show all of it: no grant gives what is not shown."""
    shown = catalog.shown_columns(zone, catalog.products[rules.product])
    if shown >= catalog.products[rules.product].columns.keys():
        return rules
    grants = (
        replace(
            grant,
            columns=grant.columns & shown,
            clears={column: names for column, names in grant.clears.items() if column in shown},
            detokenize=grant.detokenize & shown,
        )
        for grant in rules.grants
    )
    return replace(rules, grants=tuple(grants))


def _by_zone(book: RuleBook, catalog: Catalog) -> Mapping[str, Mapping[str, ProductRules]]:
    """Rules for every product but entitlements, published or not: a view may read what a zone does not publish."""
    products = [product.id for product in catalog.products.values() if not product.entitlement]
    return {
        zone: {product: _as_shown(book.product_rules(product, zone), zone, catalog) for product in products}
        for zone in catalog.zones
    }
