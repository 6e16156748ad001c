"""Keyed plan: relations whose sources answer by key alone: features of a store, scorings of a model.

Such a relation has the rows of the keys that the statement's conditions give it: each column of its key (for a model,
each input that must be there) equals something of the other relations, or a constant, in WHERE, in the ON of an inner
join, or in the ON of the LEFT JOIN that brings it. The keys are asked of the parts that are there, then found, governed
row by row, and joined like any other part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from policies.sql.govern import GovernedStatement
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.free import mark_free
from resolvers.lookups.plan import always, deciding
from schema.catalog import Catalog, Product
from schema.errors import Refusal
from schema.sql.scopes import conjuncts
from schema.trees import copied, preorder


@dataclass(frozen=True, slots=True)
class KeyedRelation:
    """A relation that is found by key: its name in the statement, its alias, its columns, and the SELECT around it."""

    name: str
    product: str
    alias: str
    shown: tuple[str, ...]
    query: exp.Query


@dataclass(frozen=True, slots=True)
class FoundByKey:
    """``keys`` asks the parts for the keys; ``at`` is the column of each part of the product's key in it, None where
    nothing gives it. ``columns`` are asked of the source, ``shown`` make the part."""

    name: str
    product: str
    keys: Statement
    at: tuple[int | None, ...]
    columns: tuple[str, ...]
    shown: tuple[str, ...]


def find_by_key(
    relation: KeyedRelation,
    later: frozenset[str],
    tree: exp.Query,
    governed: GovernedStatement,
    catalog: Catalog,
    mixing: Dialect,
) -> FoundByKey:
    """How a relation is found; ``later`` are the aliases of those that are found with or after it.

    Raises `Refusal` CH161 where nothing gives it its key.
    """
    product = catalog.products[relation.product]
    given = _given(relation, product, later)
    nullable = product.model.nullable if product.model is not None else frozenset()
    missing = [name for name in product.key if name not in given and name not in nullable]
    if missing:
        raise Refusal(
            "CH161",
            f"'{product.id}' answers by key, and the statement does not give it {', '.join(missing)}.",
            f"Join it by its key: ON {' AND '.join(f'x.{name} = ..' for name in product.key)}.",
        )
    select = _keys(relation, [given[name] for name in product.key if name in given], later, tree)
    mark_free(select)
    places = iter(range(len(given)))
    at = tuple(next(places) if name in given else None for name in product.key)
    wanted = {name for name in relation.shown if name in product.columns}
    columns = always(product) | wanted | deciding(governed.decisions[product.id])
    if product.model is not None:
        columns -= set(product.model.inputs)
    statement = mixing.render(select, dict(governed.slots))
    return FoundByKey(relation.name, product.id, statement, at, tuple(sorted(columns)), relation.shown)


def _given(relation: KeyedRelation, product: Product, later: frozenset[str]) -> dict[str, exp.Expr]:
    """By part of the key what it equals."""
    found: dict[str, exp.Expr] = {}
    for condition in restricting(relation.query, relation.alias):
        if not isinstance(condition, exp.EQ | exp.NullSafeEQ):
            continue
        for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
            if isinstance(one, exp.Column) and one.table == relation.alias and one.name in product.key:
                others = list(other.find_all(exp.Column))
                if other.find(exp.Query) is None and all(column.table not in later for column in others):
                    found.setdefault(one.name, other)
    return found


def restricting(query: exp.Query, alias: str) -> Iterator[exp.Expr]:
    """The conditions that every row of a relation fulfils which stands in the answer."""
    yield from conjuncts(query.args.get("where"))
    for join in query.args.get("joins") or []:
        brings = isinstance(join.this, exp.Table) and join.this.alias == alias
        if not join.side or (brings and join.side == "LEFT"):
            yield from conjuncts(join.args.get("on"))


def _keys(relation: KeyedRelation, values: list[exp.Expr], later: frozenset[str], tree: exp.Query) -> exp.Select:
    """The different keys, over the SELECT around as it stands, without what is found later and what names that."""
    items = [exp.alias_(copied(value), f"k{at}", quoted=True) for at, value in enumerate(values)]
    select = exp.Select(expressions=items, distinct=exp.Distinct())
    return select if not any(value.find(exp.Column) for value in values) else over(select, relation.query, later, tree)


def over(select: exp.Select, query: exp.Query, later: frozenset[str], tree: exp.Query) -> exp.Select:
    """A SELECT over the FROM and WHERE of another, without the relations in ``later`` and what names them. What it
    needs of these is not there, which the engine that plans it would say: so it is looked at here."""
    sources = [join for join in _joins(query) if not _names(join, later)]
    here = {join.this.alias_or_name for join in sources}
    if not sources or any(column.table not in here for column in select.find_all(exp.Column)):
        raise Refusal("CH161", "The statement gives a key that it only knows later.", "Join the other tables first.")
    first, *rest = [copied(join) for join in sources]
    select.set("from_", exp.From(this=first.this))
    select.set("joins", rest)
    for condition in conjuncts(query.args.get("where")):
        columns = {column.table for column in condition.find_all(exp.Column)}
        if condition.find(exp.Query) is None and columns <= here:
            select = select.where(copied(condition), copy=False)
    with_ = tree.args.get("with_")
    if with_ is not None and any(cte.alias == table.name for cte in with_.expressions for table in _tables(select)):
        if any(table.alias in later for table in _tables(with_)):
            raise Refusal(
                "CH161", "The statement gives a key that it only knows later.", "Join the other tables first."
            )
        select.set("with_", copied(with_))
    return select


def _names(join: exp.Join, later: frozenset[str]) -> bool:
    condition = join.args.get("on")
    columns = condition.find_all(exp.Column) if condition is not None else ()
    tables = any(table.alias in later for table in _tables(join))
    return tables or join.this.alias_or_name in later or any(column.table in later for column in columns)


def _tables(node: exp.Expr) -> Iterator[exp.Table]:
    return (part for part in preorder(node) if isinstance(part, exp.Table))


def _joins(query: exp.Query) -> list[exp.Join]:
    """The relations of a SELECT, the first of them as a join too. One whose condition names another is inner."""
    from_ = query.args.get("from_")
    return [exp.Join(this=from_.this.copy()), *(query.args.get("joins") or [])] if from_ is not None else []
