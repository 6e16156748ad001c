"""Fold: a condition's row template once its guards are known. Exact three-valued logic, nothing left that is decided.

TRUE AND x is x, FALSE AND x is FALSE, NULL AND x stays (it is FALSE or UNKNOWN); likewise OR and NOT; IS and CASE on
what is known are carried out. The template is never changed.
"""

from __future__ import annotations

from sqlglot import exp

from schema.trees import copied

Truth = bool | None
GUARD = "guard:"


def fold(row: exp.Expression, bits: tuple[Truth, ...]) -> Truth | exp.Expression:
    """The template under these guards: a truth value, or an expression that only the row decides."""
    return _fold(row, bits)


def operands(node: exp.Expression) -> list[exp.Expression]:
    """The operands of a chain of ANDs, or of ORs, left to right, without parentheses."""
    kind, found = type(node), []
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        while type(inner) is exp.Paren:
            inner = inner.this
        if type(inner) is kind:
            waiting += [inner.args["expression"], inner.this]
        else:
            found.append(inner)
    return found


def constant(value: Truth) -> exp.Expression:
    return exp.Null() if value is None else exp.Boolean(this=value)


def _fold(node: exp.Expression, bits: tuple[Truth, ...]) -> Truth | exp.Expression:
    if type(node) is exp.Paren:
        return _fold(node.this, bits)
    if type(node) is exp.Boolean:
        return bool(node.this)
    if type(node) is exp.Null:
        return None
    if type(node) is exp.Placeholder and node.name.startswith(GUARD):
        return bits[int(node.name.removeprefix(GUARD))]
    if isinstance(node, exp.Connector):
        return _connector(node, bits)
    if type(node) is exp.Not:
        inner = _fold(node.this, bits)
        return (
            exp.Not(this=_wrapped(inner)) if isinstance(inner, exp.Expression) else None if inner is None else not inner
        )
    if type(node) is exp.Is:
        return _is(node, bits)
    if type(node) is exp.Case:
        return _case(node, bits)
    return _inside(node, bits)


def _connector(node: exp.Expression, bits: tuple[Truth, ...]) -> Truth | exp.Expression:
    decides = type(node) is exp.Or  # True decides OR, False decides AND
    rest: list[exp.Expression] = []
    unknown = False
    for operand in operands(node):
        value = _fold(operand, bits)
        if value is decides:
            return decides
        if value is None:
            unknown = True
        elif isinstance(value, exp.Expression):
            rest.append(value)
    if not rest:
        return None if unknown else not decides
    if unknown:
        rest.insert(0, exp.Null())
    joined, *others = (exp.Paren(this=part) if isinstance(part, exp.Connector) else part for part in rest)
    for part in others:
        joined = exp.Or(this=joined, expression=part) if decides else exp.And(this=joined, expression=part)
    return joined


def _is(node: exp.Expression, bits: tuple[Truth, ...]) -> Truth | exp.Expression:
    wanted = node.args["expression"]
    inner = _fold(node.this, bits)
    if isinstance(inner, exp.Expression):
        return exp.Is(this=_wrapped(inner), expression=copied(wanted))
    return inner is (None if type(wanted) is exp.Null else bool(wanted.this))


def _case(node: exp.Expression, bits: tuple[Truth, ...]) -> Truth | exp.Expression:
    ifs: list[exp.If] = []
    default = node.args.get("default") or exp.Null()
    for branch in node.args["ifs"]:
        test = _fold(branch.this, bits)
        if test is True:
            default = branch.args["true"]
            break
        if isinstance(test, exp.Expression):
            ifs.append(exp.If(this=test, true=_value(branch.args["true"], bits)))
    if not ifs:
        return _fold(default, bits)
    last = _value(default, bits)
    if all(type(value) is exp.Null for value in (last, *(branch.args["true"] for branch in ifs))):
        return None  # and PostgreSQL would take a CASE of nothing but NULLs for text
    return exp.Case(ifs=ifs, default=last)


def _value(node: exp.Expression, bits: tuple[Truth, ...]) -> exp.Expression:
    value = _fold(node, bits)
    return value if isinstance(value, exp.Expression) else constant(value)


def _inside(node: exp.Expression, bits: tuple[Truth, ...]) -> exp.Expression:
    """Guards below an operator that does not fold, such as ``flag = guard``."""
    if not any(bind.name.startswith(GUARD) for bind in node.find_all(exp.Placeholder)):
        return copied(node)
    known = copied(node)
    for bind in list(known.find_all(exp.Placeholder)):
        if bind.name.startswith(GUARD):
            bind.replace(constant(bits[int(bind.name.removeprefix(GUARD))]))
    return known


def _wrapped(node: exp.Expression) -> exp.Expression:
    loose = (exp.Binary, exp.Not, exp.Between, exp.In, exp.Anonymous)
    return exp.Paren(this=node) if isinstance(node, loose) else node
