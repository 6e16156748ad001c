"""Account: what a gate decided, as an auditor is told of it: names, tags, states and rules, never a value.

It tells of the columns that stand in the governed relations, whatever they are used for there, and of those behind the
links that are followed. Everything in it depends on the guards alone, so it is the same for all callers who share a
plan, and is made once for it: by whoever first asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from policies.decide import Guards, TableDecision, limiting
from policies.explain_column import applying
from policies.govern import GovernedQuery, GuardTuple, needed_products
from policies.logic import Formula
from policies.relation import KEY, NOTHING, columns_behind
from policies.rules import FilterRule, PolicySet, ProductRules
from policies.sql.guards import OK
from policies.verify import marked
from schema.catalog import Catalog, Product
from schema.query import blocks_of

if TYPE_CHECKING:  # a process whose zones answer no SQL holds no gate for it
    from policies.sql.govern import GovernedStatement

Rows = Literal["all", "some", "none"]


@dataclass(frozen=True, slots=True)
class AccountedColumn:
    """``state`` is clear, masked, conditional or hidden; ``masks`` are the kinds that may stand in its place."""

    name: str
    state: str
    tags: tuple[str, ...]
    masks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountedRule:
    """A rule that took part. ``effect``: on all rows, or on those where its condition holds (some)."""

    kind: Literal["grant", "row_filter", "deny", "mask", "privacy"]
    name: str
    effect: Rows


@dataclass(frozen=True, slots=True)
class AccountedProduct:
    """``rows``: which of its rows the rules let through. ``inside``: it was only met inside a steward's view."""

    id: str
    rows: Rows
    columns: tuple[AccountedColumn, ...]
    rules: tuple[AccountedRule, ...]
    inside: bool = False


class Account:
    """What was decided on each product of one governed query or statement. ``named`` are those that it names."""

    __slots__ = ("__weakref__", "_made", "_parts", "named")

    def __init__(
        self,
        governed: GovernedQuery | GovernedStatement,
        guards: GuardTuple,
        policies: PolicySet,
        catalog: Catalog,
        zone: str,
    ) -> None:
        self._parts = (governed, dict(guards.products), policies, catalog, zone)
        self._made: tuple[AccountedProduct, ...] | None = None
        self.named = governed.logical.products

    @property
    def products(self) -> tuple[AccountedProduct, ...]:
        """By name, those inside views last."""
        if self._made is None:  # two threads may both make it: it is the same
            self._made = _products(*self._parts)
        return self._made


def _products(
    governed: GovernedQuery | GovernedStatement,
    guards: Mapping[str, Guards],
    policies: PolicySet,
    catalog: Catalog,
    zone: str,
) -> tuple[AccountedProduct, ...]:
    read = _read(governed)
    rules = policies.rules.get(zone, {})
    found = []
    for id_ in sorted(read):
        product, decision = catalog.products[id_], governed.decisions[id_]
        columns = _columns(catalog, product, read[id_], decision)
        taking = _rules(rules.get(id_, ProductRules(id_)), guards.get(id_, ()), decision, frozenset(columns))
        told = tuple(
            AccountedColumn(
                name, decision.cells[name].state, tuple(sorted(product.columns[name].tags)), _masks(decision, name)
            )
            for name in columns
        )
        found.append(AccountedProduct(id_, _effect(decision.rows), told, taking))
    for id_ in sorted(needed_products(frozenset(read), policies, catalog) - read.keys()):
        own = rules.get(id_, ProductRules(id_))
        limits = limiting(own, guards.get(id_, ()))
        taking = tuple(_limit(rule, effect) for rule, effect in limits if effect is not True)
        found.append(AccountedProduct(id_, "some" if taking else "all", (), taking, inside=True))
    return tuple(found)


def _read(governed: GovernedQuery | GovernedStatement) -> Mapping[str, set[str]]:
    """By product, the names that stand in its governed relations."""
    trees: list[exp.Expr] = []
    if isinstance(governed, GovernedQuery):
        everything = (*governed.blocks, *(gathering.block for gathering in governed.gatherings))
        trees += [block.select for block in blocks_of(everything)]
    else:
        trees.append(governed.tree)
    found: dict[str, set[str]] = {}
    for tree in trees:
        for product, subquery in marked(tree):
            found.setdefault(product, set()).update(subquery.this.named_selects)
    return found


def _columns(catalog: Catalog, product: Product, names: Iterable[str], decision: TableDecision) -> tuple[str, ...]:
    """The columns of the product among these names, and behind them."""
    found: set[str] = set()
    for name in names:
        if name in (NOTHING, OK):
            continue
        found |= set(product.key) if name.startswith(KEY) else columns_behind(catalog, name)
    return tuple(sorted(found & decision.cells.keys()))


def _masks(decision: TableDecision, column: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.mask.kind for _, rule in applying(decision.cells[column])))


def _rules(
    rules: ProductRules, guards: Guards, decision: TableDecision, columns: frozenset[str]
) -> tuple[AccountedRule, ...]:
    found = [AccountedRule("grant", grant.name, "all" if grant.rows is None else "some") for grant in decision.grants]
    for rule, effect in limiting(rules, guards):
        if effect is not True and (isinstance(rule, FilterRule) or rule.columns is None or rule.columns & columns):
            found.append(_limit(rule, effect))
    masks: dict[str, Rows] = {}
    for name in sorted(columns):
        for reveal, mask in applying(decision.cells[name]):
            everywhere = reveal is False and decision.cells[name].clear is False
            masks[mask.name] = "all" if everywhere and masks.get(mask.name, "all") == "all" else "some"
    found += [AccountedRule("mask", name, effect) for name, effect in masks.items()]
    found += [AccountedRule("privacy", rule.name, "all") for rule in decision.privacy]
    return tuple(found)


def _limit(rule: object, leaves: Formula) -> AccountedRule:
    name: str = rule.name  # type: ignore[attr-defined]  # a filter's or a deny's
    return AccountedRule("row_filter" if isinstance(rule, FilterRule) else "deny", name, _taken(leaves))


def _taken(leaves: Formula) -> Rows:
    """Of how many rows a rule that leaves these takes something."""
    return "all" if leaves is False else "none" if leaves is True else "some"


def _effect(formula: Formula) -> Rows:
    return "all" if formula is True else "none" if formula is False else "some"
