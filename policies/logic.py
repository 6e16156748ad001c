"""Boolean algebra over what is already known and what only the row tells.

A `Formula` is True, False, or an expression over the row. UNKNOWN never gets here: each rule says at its own place
what UNKNOWN means for it (`known`).
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from schema.trees import copied

Formula = bool | exp.Expression


def known(truth: bool | exp.Expression | None, *, unknown: bool) -> Formula:
    """A folded condition, with UNKNOWN decided: False for what gives, True for what takes away."""
    return unknown if truth is None else truth


def conjunction(parts: Iterable[Formula]) -> Formula:
    """All of them. True when there are none."""
    rest: list[exp.Expression] = []
    for part in parts:
        if part is False:
            return False
        if isinstance(part, exp.Expression) and part not in rest:
            rest.append(part)
    return _join(rest, exp.And) if rest else True


def disjunction(parts: Iterable[Formula]) -> Formula:
    """Any of them. False when there are none."""
    rest: list[exp.Expression] = []
    for part in parts:
        if part is True:
            return True
        if isinstance(part, exp.Expression) and part not in rest:
            rest.append(part)
    return _join(rest, exp.Or) if rest else False


def negation(part: Formula) -> Formula:
    """SQL's NOT: a NULL stays NULL, so a row on which a deny is NULL is dropped."""
    return exp.Not(this=_paren(copied(part))) if isinstance(part, exp.Expression) else not part


def _join(parts: list[exp.Expression], node: type[exp.And] | type[exp.Or]) -> exp.Expression:
    joined: exp.Expression = copied(parts[0])
    for index, part in enumerate(parts[1:]):
        left = _paren(joined) if index == 0 else joined
        joined = node(this=left, expression=_paren(copied(part)))
    return joined


def _paren(part: exp.Expression) -> exp.Expression:
    return exp.Paren(this=part) if isinstance(part, (exp.Connector, exp.Not)) else part
