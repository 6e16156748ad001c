"""``SUM(x) FILTER (WHERE w)`` for engines without FILTER: ``SUM(CASE WHEN w THEN x END)``."""

from __future__ import annotations

from sqlglot import exp

from resolvers.backends.lowering import inside
from resolvers.backends.spelling import call, number, when
from schema.trees import copied


def filtered(node: exp.Filter) -> exp.Expression:
    inner = node.this
    values = list(inner.expressions) or [inner.this]
    counted = number(1) if isinstance(values[0], exp.Star) else values[0]
    if isinstance(values[0], exp.Order):  # ARRAY_AGG(x IGNORE NULLS ORDER BY x): what does not count is null
        counting = values[0].this
        counting.set("this", when((copied(node.expression.this), copied(counting.this))))
        listed: exp.Expression = inner
        return listed
    name = str(inner.this) if isinstance(inner, exp.Anonymous) else inner.sql_name()
    made = call(name, inside(counted, lambda part: when((copied(node.expression.this), copied(part)))), *values[1:])
    made.meta.update(node.meta)
    return made
