"""What gives true, false or unknown: connectives, comparisons, membership, LIKE. Part of `policies.predicate_read`."""

from __future__ import annotations

from sqlglot import exp

from policies.fault import Fault
from policies.predicate_read import BINARY, Reader, name_parts, reads, unwrap
from policies.predicate_types import Term, alike, parens, truth, typed
from schema.catalog import Claim


@reads(exp.And, *BINARY)
@reads(exp.Or, *BINARY)
def _connector(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    """AND and OR, read flat: a long chain is a list, not a depth."""
    kind = exp.And if type(node) is exp.And else exp.Or
    operands: list[exp.Expression] = []
    rest = node
    while type(rest) is kind:
        operands.append(rest.args["expression"])
        rest = rest.this
    operands.append(rest)
    if len(operands) > 500:
        raise Fault("CH406", f"The expression joins {len(operands)} conditions; at most 500 are read.", "Use IN.")
    terms = [reader.condition(operand, positive).sql for operand in reversed(operands)]
    return truth(_joined(kind, terms))


def _joined(kind: type[exp.And | exp.Or], tests: list[exp.Expression]) -> exp.Expression:
    joined, *rest = (exp.Paren(this=test) if isinstance(test, exp.Connector) else test for test in tests)
    for test in rest:
        joined = kind(this=joined, expression=test)
    return joined


@reads(exp.Not, "this")
def _not(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return truth(exp.Not(this=parens(reader.condition(node.this, False).sql)))


@reads(exp.EQ, *BINARY)
@reads(exp.NEQ, *BINARY)
@reads(exp.LT, *BINARY)
@reads(exp.LTE, *BINARY)
@reads(exp.GT, *BINARY)
@reads(exp.GTE, *BINARY)
@reads(exp.NullSafeEQ, *BINARY)
@reads(exp.NullSafeNEQ, *BINARY)
def _comparison(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    member = _any_or_all(reader, node, positive)
    if member is not None:
        return member
    kind = _COMPARISONS[type(node)]
    order = kind not in (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)
    left, right = alike(reader.value(node.this), reader.value(node.args["expression"]), sorted_=order)
    return truth(kind(this=parens(left.sql), expression=parens(right.sql)))


_Order = type[exp.LT] | type[exp.LTE] | type[exp.GT] | type[exp.GTE]
_Comparison = type[exp.EQ] | type[exp.NEQ] | type[exp.NullSafeEQ] | type[exp.NullSafeNEQ] | _Order
_COMPARISONS: dict[type[exp.Expression], _Comparison] = {
    kind: kind for kind in (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
}


def _any_or_all(reader: Reader, node: exp.Expression, positive: bool) -> Term | None:
    """``x = ANY(claims.list)`` and ``x <> ALL(claims.list)``."""
    right = node.args["expression"]
    if type(right) is exp.Any and type(node) is exp.EQ:
        return _member(reader, reader.value(node.this), unwrap(right.this), positive)
    every = type(right) is exp.Anonymous and right.name.upper() == "ALL" and len(right.expressions) == 1
    if (every or type(right) is exp.All) and type(node) is exp.NEQ:
        inside = right.expressions[0] if every else right.this
        member = _member(reader, reader.value(node.this), unwrap(inside), False)
        return truth(exp.Not(this=member.sql))
    if type(right) in (exp.Any, exp.All) or every:
        raise Fault("CH407", "Only = ANY(claims.list) and <> ALL(claims.list) may be used.")
    return None


def _list_claim(reader: Reader, node: object) -> Claim | None:
    if isinstance(node, exp.Expression) and type(unwrap(node)) is exp.Column:
        return reader.scope.list_claim(name_parts(unwrap(node)))
    return None


def _member(reader: Reader, value: Term, node: exp.Expression, positive: bool) -> Term:
    """``value`` is an element of a list claim."""
    claim = _list_claim(reader, node)
    if claim is None:
        said = node.sql(dialect="postgres")
        raise Fault("CH410", f"{said} is no list.", f"Compare it with '=', or write IN ({said}).")
    bind = exp.Placeholder(this=f"claim:{claim.name}")
    left, _ = alike(value, typed(bind, claim.type))
    reader.found.claims.add(claim.name)
    if not positive:
        reader.found.nonempty.add(claim.name)
    return truth(exp.Anonymous(this="CH_IN", expressions=[left.sql.copy(), bind]))


@reads(exp.In, "this", "expressions", "field", "query")
def _in(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    if node.args.get("query") is not None:
        return reader.scope.entitled(reader.value(node.this), node.args["query"], reader, positive)
    value = reader.value(node.this)
    if node.args.get("field") is not None:
        return _member(reader, value, unwrap(node.args["field"]), positive)
    items = node.expressions
    if not items:
        raise Fault("CH407", "IN needs at least one value.")
    lists = [item for item in items if _list_claim(reader, item) is not None]
    tests = [_member(reader, value, unwrap(item), positive).sql for item in lists]
    plain = [alike(value, reader.value(item)) for item in items if item not in lists]
    if plain:
        tests.append(exp.In(this=parens(plain[0][0].sql), expressions=[other.sql for _, other in plain]))
    return truth(_joined(exp.Or, tests))


@reads(exp.ArrayOverlaps, *BINARY, "null_safe")
def _overlaps(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    """``claims.list && ARRAY['a', 'b']``: any of these is in the list."""
    left, right = unwrap(node.this), unwrap(node.args["expression"])
    if type(left) is exp.Array:
        left, right = right, left
    if type(right) is not exp.Array or not right.expressions:
        raise Fault("CH407", "'&&' may only be used as claims.list && ARRAY['a', 'b'].")
    tests = [_member(reader, reader.value(item), left, positive).sql for item in right.expressions]
    return truth(_joined(exp.Or, tests))


@reads(exp.Between, "this", "low", "high")
def _between(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    value = reader.value(node.this)
    left, low = alike(value, reader.value(node.args["low"]), sorted_=True)
    _, high = alike(value, reader.value(node.args["high"]), sorted_=True)
    return truth(exp.Between(this=parens(left.sql), low=parens(low.sql), high=parens(high.sql)))


@reads(exp.Is, *BINARY, "negate")
def _is(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    right, negated = node.args["expression"], bool(node.args.get("negate"))
    if type(right) is exp.Boolean:
        keeps = positive and bool(right.this) and not negated
        test = exp.Is(
            this=parens(reader.condition(node.this, keeps).sql), expression=exp.Boolean(this=bool(right.this))
        )
    elif type(right) is exp.Null:
        inner = reader.value(node.this)
        if isinstance(inner.sql, exp.Placeholder) and inner.sql.name.startswith("claim:"):
            claim = f"claims.{inner.sql.name.removeprefix('claim:')}"
            reader.found.warnings.append(f"{claim} is never NULL here: without it the whole predicate is UNKNOWN.")
        test = exp.Is(this=parens(inner.sql), expression=exp.Null())
    else:
        raise Fault("CH407", "IS may only be followed by NULL, TRUE or FALSE.")
    return truth(exp.Not(this=parens(test)) if negated else test)


@reads(exp.Like, *BINARY, "negate")
@reads(exp.ILike, *BINARY, "negate")
def _like(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    value = reader.text(node.this, "LIKE")
    pattern = reader.literal_text(node.args["expression"], "The pattern of LIKE")
    tail = len(pattern) - len(pattern.rstrip("\\"))
    if tail % 2:
        raise Fault("CH408", "A LIKE pattern may not end in a backslash.", "Write \\\\ for a backslash itself.")
    name = "CH_CONTAINS" if type(node) is exp.Like else "CH_ICONTAINS"
    test = exp.Anonymous(this=name, expressions=[value, exp.Literal.string(pattern)])
    return truth(exp.Not(this=test) if node.args.get("negate") else test)


@reads(exp.StartsWith, *BINARY)
def _starts_with(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    value = reader.text(node.this, "STARTS_WITH")
    start = reader.literal_text(node.args["expression"], "What STARTS_WITH looks for")
    for char in ("\\", "%", "_"):
        start = start.replace(char, "\\" + char)
    return truth(exp.Anonymous(this="CH_CONTAINS", expressions=[value, exp.Literal.string(start + "%")]))
