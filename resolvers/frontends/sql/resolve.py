"""Resolve: every name of a tree is what the caller may know, or the statement is refused; what is left is explicit.

1. Names are folded as the dialect folds them; tables are looked up among visible products and virtual tables.
2. sqlglot qualifies columns over these tables alone: stars, USING, NATURAL and positions go.
3. Each column is looked up in the relation it is qualified by. A hidden name and one that never was are refused in the
   same words, since neither is in what this stage is given.
4. Decided get aliases of their own (``t0`` ..), common table expressions names that no table has (``~q0`` ..).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from resolvers.frontends.sql.known import Known
from resolvers.frontends.sql.limits import MOST_STARS, too_large
from resolvers.frontends.sql.outputs import group_by_place, name_outputs
from resolvers.frontends.sql.places import place_of
from schema.errors import Refusal
from schema.sql.forms import selects
from schema.sql.information import DATABASE
from schema.sql.scopes import Scope, column_names, outputs_of, scopes_of, tables
from schema.trees import preorder


@dataclass(frozen=True, slots=True)
class Resolved:
    """The tree, and the products that it names, the other ends of its join keys among them; ``named`` are the
    relations in it, virtual ones too."""

    tree: exp.Query
    products: frozenset[str]
    named: frozenset[str]


def resolve(tree: exp.Query, reader: str, known: Known) -> Resolved:
    """Raises `Refusal` CH233 for a relation and CH234 for a column that is not there, CH235 for an ambiguous name."""
    _check_stars(tree)
    name_outputs(tree)
    tree = normalize_identifiers(tree, dialect=reader)
    scopes = scopes_of(tree)
    named = {_table(table, known) for table, _ in tables(scopes)}
    tree = _qualified(tree, reader, known, named)
    group_by_place(tree)
    scopes = scopes_of(tree)
    for scope in scopes:
        _check_columns(scope, known)
    _rename(scopes)
    for node in preorder(tree):
        if isinstance(node, exp.Identifier):
            node.set("quoted", True)
    products = {name for name in named if not known.virtual(name)} | known.joined
    return Resolved(tree, frozenset(products), frozenset(named))


def _table(table: exp.Table, known: Known) -> str:
    """Check a table and spell it domain.product. Gives its name."""
    outer = [part.name for part in table.parts[:-1]]
    if len(outer) == 2 and outer[0] == DATABASE:
        table.set("catalog", None)
        outer = outer[1:]
    name = ".".join([*outer, table.name])
    if len(outer) != 1 or not known.has(name):
        written = ".".join(part.name for part in table.parts)[:130]
        hint = known.near(name, known.tables()) or (
            "Tables are written domain.product; information_schema.tables lists them."
        )
        raise Refusal("CH233", f"There is no relation '{written}'.", hint, locations=place_of(table))
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
    elif table.args["alias"].columns:
        _rename_columns(table, known, name)
    return name


def _rename_columns(table: exp.Table, known: Known, name: str) -> None:
    """``operations.flights AS t (a, b)``: the table's first columns are called so, the others keep their names."""
    shown = [column for column in known.types(name) if not known.is_join_key(name, column)]
    given = [column.name for column in table.args["alias"].columns]
    if len(given) > len(shown):
        raise Refusal("CH235", f"The table has fewer than {len(given)} columns.", None, locations=place_of(table))
    called = given + shown[len(given) :]
    items = [
        exp.alias_(exp.column(column, quoted=True), as_, quoted=True) for column, as_ in zip(shown, called, strict=True)
    ]
    alias = exp.TableAlias(this=table.args["alias"].this)
    inner = exp.Table(this=table.this, db=table.args["db"], alias=exp.TableAlias(this=exp.to_identifier("t")))
    select = exp.Select(expressions=items, from_=exp.From(this=inner))
    table.replace(exp.Subquery(this=select, alias=alias))


def _check_stars(tree: exp.Query) -> None:
    for select in selects(tree):
        stars = sum(item.is_star and not isinstance(item, exp.Func) for item in select.expressions)
        if stars > MOST_STARS:
            raise too_large(f"more than {MOST_STARS} stars in one SELECT")


def _qualified(tree: exp.Query, reader: str, known: Known, named: set[str]) -> exp.Query:
    columns: dict[str, object] = {}
    shown: dict[str, object] = {}
    for name in named:
        domain, _, product = name.partition(".")
        types = known.types(name)
        in_domain, shown_there = columns.setdefault(domain, {}), shown.setdefault(domain, {})
        if isinstance(in_domain, dict) and isinstance(shown_there, dict):
            in_domain[product] = types
            shown_there[product] = [column for column in types if not known.is_join_key(name, column)]
    schema = MappingSchema(columns or None, visible=shown or None, normalize=False)
    try:
        found = qualify(
            tree,
            dialect=reader,
            schema=schema,
            validate_qualify_columns=False,
            quote_identifiers=False,
            isolate_tables=False,
            identify=False,
        )
    except SqlglotError as error:
        if "mbiguous" in str(error):
            raise Refusal("CH235", "A column name is ambiguous.", "Qualify it by its table's alias.") from None
        raise Refusal("CH235", "The statement's names cannot be resolved.", "Qualify columns by aliases.") from None
    except RecursionError:
        raise Refusal("CH607", "The statement is nested too deep.", "Split it.", status=413) from None
    if not isinstance(found, exp.Select | exp.SetOperation):
        raise TypeError("a query stays a query")
    return found


def _check_columns(scope: Scope, known: Known) -> None:
    aliases = {item.alias_or_name: item for item in outputs_of(scope.query)}
    for column in scope.columns:
        if not column.table:
            _output(column, scope, aliases, known)
            continue
        found = scope.find(column.table)
        if found is None:
            raise _no_column(column, scope, known)
        relation, owner = found
        names = column_names(relation, owner)
        if names is None:
            name = f"{relation.text('db')}.{relation.name}"
            if not known.column(name, column.name):
                raise _no_column(column, scope, known)
            known.spell(name, column)
        elif column.name not in names:
            raise _no_column(column, scope, known)


def _output(column: exp.Column, scope: Scope, aliases: dict[str, exp.Expr], known: Known) -> None:
    """A bare name that is left is an output's, in ORDER BY and DISTINCT ON, or nobody's."""
    item = aliases.get(column.name)
    distinct = column.find_ancestor(exp.Distinct, exp.Order, exp.Select, exp.SetOperation)
    if item is None or not isinstance(distinct, exp.Distinct | exp.Order):
        raise _no_column(column, scope, known)
    if isinstance(distinct, exp.Distinct):
        value = item.unalias().copy()
        column.replace(value)
        scope.columns.extend(value.find_all(exp.Column))
    else:
        column.meta["output"] = True


def _rename(scopes: list[Scope]) -> None:
    """Aliases that stand once in the whole statement, columns with them."""
    names: dict[int, str] = {}
    ctes: dict[int, str] = {}
    for scope in scopes:
        for relation in scope.sources.values():
            names[id(relation)] = f"t{len(names)}"
        with_ = scope.query.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            ctes[id(cte)] = f"~q{len(ctes)}"
    for scope in scopes:
        for column in scope.columns:
            found = scope.find(column.table) if column.table else None
            if found is not None:
                column.set("table", exp.to_identifier(names[id(found[0])], quoted=True))
    renamed: list[tuple[exp.Expr, str, str | None]] = []
    for scope in scopes:
        for relation in scope.sources.values():
            cte = scope.cte(relation)
            renamed.append((relation, names[id(relation)], ctes[id(cte)] if cte is not None else None))
    for relation, alias, query in renamed:
        _alias(relation, alias)
        if query is not None:
            relation.set("this", exp.to_identifier(query, quoted=True))
    for scope in scopes:
        with_ = scope.query.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            cte.args["alias"].set("this", exp.to_identifier(ctes[id(cte)], quoted=True))


def _alias(relation: exp.Expr, name: str) -> None:
    alias = relation.args.get("alias")
    if not isinstance(alias, exp.TableAlias):
        alias = exp.TableAlias()
        relation.set("alias", alias)
    alias.set("this", exp.to_identifier(name, quoted=True))


def _no_column(column: exp.Column, scope: Scope, known: Known) -> Refusal:
    """Suggests only names that stand in the relations which can be seen from here."""
    own = [_columns_of(relation, scope, known) for relation in scope.sources.values()]
    if not column.table and sum(column.name in names for names in own) > 1:
        hint = "Qualify it by the alias of its table."
        return Refusal("CH235", f"The column '{column.name}' is ambiguous.", hint, locations=place_of(column))
    found: list[str] = []
    around: Scope | None = scope
    while around is not None:
        for relation in around.sources.values():
            found += _columns_of(relation, around, known)
        around = around.outer
    written = f"{column.table}.{column.name}" if column.table else column.name
    hint = known.near(column.name, found) or "information_schema.columns lists the columns of each table."
    return Refusal("CH234", f"There is no column '{written[:130]}'.", hint, locations=place_of(column))


def _columns_of(relation: exp.Expr, scope: Scope, known: Known) -> list[str]:
    names = column_names(relation, scope)
    return list(known.types(f"{relation.text('db')}.{relation.name}") if names is None else names)
