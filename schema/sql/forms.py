"""Forms: the exact node classes, arguments, functions and casts that a caller's SQL may hold.

Twice the same list is asked: of the text as it was written (by the front end, which can say where), and of the resolved
statement (by the gate, which trusts no front end). A resolved statement has no stars, no USING and no NATURAL left; its
tables are products or common table expressions. Nothing here looks at a name of the catalog.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

import yaml
from sqlglot import exp

from schema.sql.series import MOST, is_bounded
from schema.trees import preorder

Nodes = dict[type[exp.Expr], frozenset[str]]


def _args(text: str) -> frozenset[str]:
    return frozenset(text.split())


_QUERY = "with_ order limit offset"
_STRUCTURE: Final[Nodes] = {
    exp.Select: _args(f"{_QUERY} expressions distinct from_ joins laterals where group having qualify windows"),
    exp.Union: _args(f"{_QUERY} this expression distinct"),
    exp.Except: _args(f"{_QUERY} this expression distinct"),
    exp.Intersect: _args(f"{_QUERY} this expression distinct"),
    exp.Subquery: _args("this alias"),
    exp.With: _args("expressions"),
    exp.CTE: _args("this alias materialized"),
    exp.From: _args("this"),
    exp.Join: _args("this on side kind"),
    exp.Lateral: _args("this alias"),
    exp.Unnest: _args("expressions alias offset"),
    exp.Values: _args("expressions alias"),
    exp.Table: _args("this db catalog alias"),
    exp.TableAlias: _args("this columns"),
    exp.Identifier: _args("this quoted"),
    exp.Column: _args("this table"),
    exp.Alias: _args("this alias"),
    exp.Tuple: _args("expressions"),
    exp.Paren: _args("this"),
    exp.Where: _args("this"),
    exp.Group: _args("expressions grouping_sets cube rollup"),
    exp.GroupingSets: _args("expressions"),
    exp.Cube: _args("expressions"),
    exp.Rollup: _args("expressions"),
    exp.Having: _args("this"),
    exp.Qualify: _args("this"),
    exp.Order: _args("this expressions"),
    exp.Ordered: _args("this desc nulls_first"),
    exp.Limit: _args("this expression"),
    exp.Offset: _args("this expression"),
    exp.Fetch: _args("direction count limit_options"),
    exp.LimitOptions: _args("rows with_ties"),
    exp.Window: _args("this partition_by order spec alias over"),
    exp.WindowSpec: _args("kind start start_side end end_side exclude"),
    exp.Distinct: _args("expressions on"),
    exp.Filter: _args("this expression"),
    exp.WithinGroup: _args("this expression"),
    exp.IgnoreNulls: _args("this"),
    exp.RespectNulls: _args("this"),
    exp.Star: frozenset(),
    exp.Literal: _args("this is_string"),
    exp.Null: frozenset(),
    exp.Boolean: _args("this"),
    exp.Placeholder: _args("this"),
    exp.Interval: _args("this unit"),
    exp.IntervalSpan: _args("this expression"),
    exp.Var: _args("this"),
    exp.DataType: _args("this expressions nested kind values"),
    exp.DataTypeParam: _args("this expression"),
    exp.Not: _args("this"),
    exp.Neg: _args("this"),
    exp.BitwiseNot: _args("this"),
    exp.Is: _args("this expression negate"),
    exp.Between: _args("this low high symmetric negate"),
    exp.In: _args("this expressions query field unnest negate"),
    exp.Any: _args("this"),
    exp.All: _args("this"),
    exp.Bracket: _args("this expressions offset safe"),
    exp.Slice: _args("this expression step"),
    exp.AtTimeZone: _args("this zone"),
    exp.JSONPath: _args("expressions"),
    exp.JSONPathRoot: frozenset(),
    exp.JSONPathKey: _args("this"),
    exp.JSONPathSubscript: _args("this"),
    exp.JSONKeyValue: _args("this expression"),
    exp.PropertyEQ: _args("this expression"),
    exp.Kwarg: _args("this expression"),
}
_BINARY = (
    "EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ Like ILike SimilarTo Escape Add Sub Mul Div Mod IntDiv DPipe "
    "BitwiseAnd BitwiseOr BitwiseXor BitwiseLeftShift BitwiseRightShift Glob"
)
_WRITTEN_MORE: Final[Nodes] = {
    exp.Join: _args("this on using side kind method"),
    exp.Star: _args("except_ replace rename"),
    exp.Column: _args("this table db catalog"),
    exp.Parameter: _args("this"),
}
"""What the resolution takes away."""

_TYPES: Final = frozenset(
    getattr(exp.DType, name)
    for name in (
        "BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL BIGDECIMAL CHAR NCHAR VARCHAR NVARCHAR TEXT DATE "
        "TIME TIMETZ TIMESTAMP TIMESTAMPTZ TIMESTAMPLTZ TIMESTAMPNTZ DATETIME INTERVAL UUID JSON JSONB BINARY "
        "VARBINARY ARRAY STRUCT LIST UINT UBIGINT INT128"
    ).split()
)
"""What may be cast to, and be a part of that."""


LISTED: Final = "CH_IN"
"""A value in a list bind, as every engine has it: the one logical function that a resolved statement may hold."""


class Outside(Exception):
    """A node that is not on the list. ``what`` says which in words a caller may read; ``node`` is where."""

    def __init__(self, what: str, node: exp.Expr) -> None:
        super().__init__(what)
        self.what, self.node = what, node


@cache
def _functions() -> dict[str, object]:
    text = files("schema.sql").joinpath("functions.yaml").read_text(encoding="utf-8")
    found: dict[str, object] = yaml.safe_load(text)
    return found


@cache
def classes(kind: str) -> frozenset[type[exp.Expr]]:
    """The classes of the functions of one kind: scalar, aggregate, window or series."""
    return frozenset(getattr(exp, name) for name in str(_functions()[kind]).split())


@cache
def named(dialect: str) -> frozenset[str]:
    """The functions without a class that a dialect has, in lower case."""
    listed = _functions()["named"]
    return frozenset(str(listed[dialect]).split()) if isinstance(listed, dict) else frozenset()


@cache
def _resolved() -> Nodes:
    nodes = dict(_STRUCTURE)
    nodes |= {getattr(exp, name): _args("this expression typed safe negate") for name in _BINARY.split()}
    for kind in ("scalar", "aggregate", "window", "series"):
        for found in classes(kind):
            nodes.setdefault(found, frozenset(found.arg_types))
    return nodes


@cache
def _written() -> Nodes:
    nodes = _resolved()
    return nodes | {kind: nodes.get(kind, frozenset()) | args for kind, args in _WRITTEN_MORE.items()}


def check_form(tree: exp.Expr, dialect: str, *, resolved: bool) -> None:
    """Raise `Outside` for the first node that a statement in this dialect may not hold."""
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        raise Outside("only SELECT, and UNION, EXCEPT and INTERSECT of SELECTs, are answered", tree)
    nodes, names = _resolved() if resolved else _written(), named(dialect)
    for node in preorder(tree):
        allowed = nodes.get(type(node))
        if isinstance(node, exp.Anonymous):
            if not isinstance(node.this, str) or not (node.name.lower() in names or (resolved and node.name == LISTED)):
                raise Outside(f"the function {node.name.lower()}", node)
            continue
        if allowed is None:
            raise Outside(_said(node), node)
        for name, value in node.args.items():
            if value and name not in allowed and not _is_default(node, name, value):
                raise Outside(f"{_said(node)} with {name.strip('_')}", node)
        _check_node(node, resolved)


def _is_default(node: exp.Expr, name: str, value: object) -> bool:
    """What the parser sets without being asked for anything."""
    return isinstance(node, exp.Select) and name == "operation_modifiers" and value == []


def _check_node(node: exp.Expr, resolved: bool) -> None:
    if isinstance(node, exp.Identifier):
        if "~" in node.name:
            _check_tilde(node, resolved)
    elif isinstance(node, exp.Table | exp.Lateral | exp.Subquery):
        _check_relation(node)
    elif isinstance(node, exp.Star):
        if resolved and not isinstance(node.parent, exp.Count):
            raise Outside("a star", node)
    elif isinstance(node, exp.Column):
        if not isinstance(node.this, exp.Identifier | exp.Star):
            raise Outside("this name", node)
    else:
        _check_amount(node)


def _check_relation(node: exp.Expr) -> None:
    if isinstance(node, exp.Table):
        if not isinstance(node.this, exp.Identifier) and type(node.this) not in classes("series"):
            raise Outside("a function in FROM", node)
    elif isinstance(node, exp.Lateral):
        if not isinstance(node.this, exp.Subquery | exp.Unnest):
            raise Outside("a function in FROM", node)
    elif isinstance(node.this, exp.Table):
        raise Outside("an outer join with a join in parentheses", node)


def _check_amount(node: exp.Expr) -> None:
    """Types, and amounts that an engine would make whole."""
    if isinstance(node, exp.DataType):
        if node.this not in _TYPES:
            raise Outside(f"the type {node.this.value if isinstance(node.this, exp.DType) else 'of a user'}", node)
    elif type(node) in classes("series"):
        if not is_bounded(node):
            raise Outside(f"a series without constant bounds, or of more than {MOST:,} rows", node)
    elif isinstance(node, exp.Limit | exp.Offset):
        if not _is_count(node.expression):
            raise Outside(f"{type(node).__name__.upper()} with anything but a whole number", node)
    elif isinstance(node, exp.Repeat | exp.Space | exp.Pad):
        size = node.args.get("times") or node.args.get("expression") or node.this
        if isinstance(size, exp.Literal) and not size.is_string and not _is_count(size, 6):
            raise Outside("a text of a million characters or more", node)


def _is_count(node: exp.Expr | None, digits: int = 18) -> bool:
    """A number of rows, a bind for one, or NULL, which is none."""
    if isinstance(node, exp.Literal):
        return not node.is_string and node.name.isdigit() and len(node.name) <= digits
    return isinstance(node, exp.Placeholder | exp.Parameter | exp.Null)


def _check_tilde(node: exp.Identifier, resolved: bool) -> None:
    """Names with ``~`` are given by the front end (join keys, common table expressions) and by the gate."""
    if not resolved or not isinstance(node.parent, exp.Column | exp.Table | exp.TableAlias):
        raise Outside("a name with '~'", node)


def _said(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        return f"the function {node.sql_name().lower()}"
    return f"{type(node).__name__} here"


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node is a function over the rows of a group or a window."""
    return type(node) in classes("aggregate") | classes("window") or (
        isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES
    )


AGGREGATES: Final = _args(
    "every bit_and bit_or json_agg json_object_agg jsonb_agg jsonb_object_agg quantile_cont quantile_disc favg fsum "
    "histogram mad product string_agg list arg_max arg_min approx_quantile approx_quantiles approx_top_count"
)
"""The aggregates among the functions without a class."""


def selects(tree: exp.Expr) -> Iterator[exp.Select]:
    """Every SELECT of a statement, those around before those inside."""
    for node in preorder(tree):
        if isinstance(node, exp.Select):
            yield node
