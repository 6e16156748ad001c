"""The steward's SQL as far as the catalog needs it: what a derived column or a view is made of.

1. Refuse text that is too long or too deep to be parsed safely.
2. Parse it (PostgreSQL's spelling). CH220 with the place inside the text where it does not parse.
3. Derived column: the columns of its own product that it names. View: its products, and the columns behind each output.

Does not promise: that the functions and constructs used are allowed. The policies check that, over the stored text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import Dialect, exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from schema.errors import LoadError, Place
from schema.load_shape import clip, unknown
from schema.yaml_source import Scalar

_POSTGRES = Dialect.get_or_raise("postgres")
LONGEST_EXPRESSION = 4_000
LONGEST_VIEW = 20_000
DEEPEST = 60

_COLUMN_SAID = re.compile(r"(?:Unknown column:|[Cc]olumn) ['\"]*(?P<name>[^'\"\s]+)")
_PLACE_SAID = re.compile(r"Line: (?P<line>\d+), Col: (?P<col>\d+)")

Origin = tuple[str, str]
"""A product id and a column of it."""


@dataclass(frozen=True, slots=True)
class ViewParts:
    """``outputs`` maps each output to the columns behind it; None where they cannot be told apart from all inputs."""

    products: tuple[str, ...] = ()
    outputs: Mapping[str, frozenset[Origin] | None] = field(default_factory=dict)
    readable: bool = False


def expression_inputs(
    node: Scalar, owner: str, columns: Mapping[str, object], errors: list[LoadError]
) -> frozenset[str]:
    """The columns an expression names. ``owner`` is the derived column's name in sentences."""
    tree = _parse(node, LONGEST_EXPRESSION, f"The SQL of {owner}", exp.Condition, errors)
    if tree is None:
        return frozenset()
    if isinstance(tree, exp.Star) or tree.find(exp.Query):
        hint = "Write a scalar expression over the product's own columns, without SELECT."
        errors.append(LoadError(node.place, "CH222", f"The SQL of {owner} is not one expression.", hint))
        return frozenset()
    found = set()
    for column in tree.find_all(exp.Column):
        name = _folded(column.this)
        if column.table:
            sentence = (
                f"The SQL of {owner} names '{clip(column.sql('postgres'))}', which is not a column of its own product."
            )
            errors.append(LoadError(node.place, "CH222", sentence, "Write the bare name of a column of this product."))
        elif name not in columns:
            errors.append(unknown(node.place, "column", name, columns, f", which {owner} is derived from"))
        else:
            found.add(name)
    return frozenset(found)


def view_parts(
    node: Scalar, owner: str, products: Mapping[str, Mapping[str, object]], errors: list[LoadError]
) -> ViewParts:
    """What a view is made of. ``products`` are all products with their logical columns."""
    tree = _parse(node, LONGEST_VIEW, f"The view {owner}", None, errors)
    if tree is None:
        return ViewParts()
    if not isinstance(tree, exp.Select | exp.SetOperation):
        errors.append(LoadError(node.place, "CH222", f"The view {owner} is not a SELECT.", "Write one SELECT."))
        return ViewParts()
    used, fine = _tables(tree, node, owner, products, errors)
    if not fine:
        return ViewParts(used)
    try:
        whole = qualify(tree, schema=_known(used, products), dialect="postgres")
        scope = build_scope(whole)
    except Exception as fault:  # noqa: BLE001 - it meets any text; whatever it raises, the text is at fault
        return _unresolved(fault, node, owner, used, errors)
    outputs: dict[str, frozenset[Origin] | None] = {}
    for at, name in enumerate(whole.named_selects):
        if name in outputs:
            sentence = f"The view {owner} has two outputs named '{clip(name)}'."
            errors.append(LoadError(node.place, "CH224", sentence, "Name one of them with AS."))
        outputs[name] = None if scope is None else _behind(scope, at, 0)
    return ViewParts(used, outputs, True)


def _known(used: tuple[str, ...], products: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """The columns of the products used, as sqlglot wants them. Their types play no part in telling origins."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for id_ in used:
        domain, _, name = id_.partition(".")
        found.setdefault(domain, {})[name] = dict.fromkeys(products[id_], "text")
    return dict(found)


def _unresolved(
    fault: Exception, node: Scalar, owner: str, used: tuple[str, ...], errors: list[LoadError]
) -> ViewParts:
    said = str(fault) if isinstance(fault, SqlglotError) else ""
    name, at = _COLUMN_SAID.search(said), _PLACE_SAID.search(said)
    word = name["name"] if name else ""
    place = node.within(int(at["line"]), max(1, int(at["col"]) - len(word) + 1)) if at and word else node.place
    what = f"column '{clip(word)}' is" if word else "columns are meant"
    hint = "Name columns of its products by their logical names, with the table's alias where two have one."
    errors.append(LoadError(place, "CH222", f"In the view {owner} it cannot be told which {what}.", hint))
    return ViewParts(used)


def _tables(
    tree: exp.Expression, node: Scalar, owner: str, products: Mapping[str, object], errors: list[LoadError]
) -> tuple[tuple[str, ...], bool]:
    """The products a view names, and whether every table was one (or a WITH query)."""
    named = {_folded(cte.args["alias"].this) for cte in tree.find_all(exp.CTE) if cte.args.get("alias")}
    used: dict[str, None] = {}
    fine = True
    for table in tree.find_all(exp.Table):
        name, domain = table.name.lower(), table.db.lower()
        id_ = f"{domain}.{name}"
        if not domain and name in named:
            continue
        if not isinstance(table.this, exp.Identifier) or table.catalog or not domain:
            sentence = f"The view {owner} reads from '{clip(table.sql('postgres'))}', which is not a product."
            errors.append(LoadError(node.place, "CH222", sentence, "Name products as domain.product."))
            fine = False
        elif id_ not in products:
            errors.append(unknown(node.place, "product", id_, products, f", which the view {owner} reads"))
            fine = False
        else:
            used[id_] = None
    return tuple(used), fine


def _behind(scope: Scope, at: int, depth: int) -> frozenset[Origin] | None:
    """The product columns behind the output at a position; None where a construct hides them."""
    if depth > DEEPEST:
        return None
    if isinstance(scope.expression, exp.SetOperation):
        sides = [_behind(side, at, depth + 1) for side in scope.set_operation_scopes]
        known = [side for side in sides if side is not None]
        return frozenset[Origin]().union(*known) if sides and len(known) == len(sides) else None
    selects = scope.expression.selects if isinstance(scope.expression, exp.Select) else []
    if at >= len(selects) or selects[at].find(exp.Query, exp.TableColumn, exp.Columns):
        return None
    found: set[Origin] = set()
    for column in selects[at].find_all(exp.Column):
        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table):
            found.add((f"{source.db}.{source.name}", column.name))
        elif isinstance(source, Scope) and (inner := _inner(source, column.name, depth)) is not None:
            found |= inner
        else:
            return None
    return frozenset(found)


def _inner(source: Scope, name: str, depth: int) -> frozenset[Origin] | None:
    names = source.expression.named_selects if isinstance(source.expression, exp.Query) else []
    return _behind(source, names.index(name), depth + 1) if name in names else None


def _folded(identifier: exp.Expression) -> str:
    """An identifier as PostgreSQL reads it: lower case unless quoted."""
    quoted = isinstance(identifier, exp.Identifier) and bool(identifier.args.get("quoted"))
    return identifier.name if quoted else identifier.name.lower()


def _parse(
    node: Scalar, longest: int, what: str, into: type[exp.Condition] | None, errors: list[LoadError]
) -> exp.Expression | None:
    """Parse one statement, or with ``into`` one expression."""
    text = str(node.value)
    if len(text) > longest or _depth(text) > DEEPEST:
        sentence = f"{what} is longer than {longest} characters or nested deeper than {DEEPEST} levels."
        errors.append(LoadError(node.place, "CH220", sentence, "Split it into several derived columns or views."))
        return None
    try:
        found = _POSTGRES.parse(text) if into is None else _POSTGRES.parse_into(into, text)
    except ParseError as fault:
        errors.append(_syntax(fault, node, what))
        return None
    except (SqlglotError, RecursionError, ValueError, IndexError, KeyError, TypeError, AttributeError):
        # the parser meets any text a steward writes, and its faults beyond ParseError have no place
        errors.append(LoadError(node.place, "CH220", f"{what} does not parse.", "Check quotes and parentheses."))
        return None
    trees = [tree for tree in found if tree is not None]
    if len(trees) != 1 or not isinstance(trees[0], exp.Expression):
        noun = "statement" if into is None else "expression"
        errors.append(LoadError(node.place, "CH220", f"{what} is not one {noun}.", "Write exactly one, without ';'."))
        return None
    return trees[0]


def _depth(text: str) -> int:
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _syntax(fault: ParseError, node: Scalar, what: str) -> LoadError:
    first = fault.errors[0] if fault.errors else {}
    line, column, word = first.get("line"), first.get("col"), str(first.get("highlight") or "")
    place: Place = node.place
    if isinstance(line, int) and isinstance(column, int):
        place = node.within(line, max(1, column - len(word) + 1))
    near = f" near '{clip(word)}'" if word else ""
    return LoadError(place, "CH220", f"{what} does not parse{near}.", "Write it as PostgreSQL would read it.")
