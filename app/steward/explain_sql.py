"""Explain a statement: the decision on each product, where it would run, and the SQL of each part. Runs nothing."""

from __future__ import annotations

from app.steward.explain import explanation_json, explanations
from app.steward.explain_text import explain_text
from resolvers.backends.dialect import Statement
from resolvers.engine import Engine
from resolvers.statements.engine import Asked
from resolvers.statements.plan import MIXED
from schema.caller import Caller
from schema.query import Slot


def explain_statement(engine: Engine, asked: Asked, caller: Caller) -> str:
    """The explanation as text. Raises `Refusal` where the statement is refused."""
    _, ready = engine.statements.prepare(asked, caller)
    products = explanations(engine, caller, ready.governed.decisions)
    lines = [explain_text({"products": [explanation_json(one) for one in products]}).rstrip("\n")]
    plan = ready.plan
    for pulled in plan.pulled:
        lines.append(_said(f"governed rows of source '{pulled.source}', as {pulled.name}", pulled.statement))
        if pulled.narrowed is not None:
            where = "or, where these are few, for the keys of"
            lines.append(_said(f"{where}\n  {pulled.narrowed.keys.text}", pulled.narrowed.statement))
    for found in plan.found:
        lines.append(
            _said(f"rows of '{found.product}', as {found.name}, governed one by one, by the keys of", found.keys)
        )
    where = "in a database of the gateway's own" if plan.source == MIXED else f"source '{plan.source}'"
    lines.append(_said(where, plan.statement))
    return "\n\n".join(line for line in lines if line)


def _said(where: str, statement: Statement) -> str:
    binds = [f"  bind {at}: {_bind(slot)}" for at, slot in enumerate(statement.params, 1)]
    return "\n".join([where, f"  {statement.text}", *binds])


def _bind(slot: Slot) -> str:
    return f"{slot.origin} {slot.path[0]}" if slot.path else slot.name
