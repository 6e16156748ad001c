"""Explain an operation: per product and column the decision and its rule, per statement the SQL and its binds.

Runs stages 3 to 5 as for an answer, and nothing after them: no source is asked, no entitlement looked up. Keys never
appear, only their names; claim values are those of the caller who is explained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from app.steward.decisions import decision
from policies.decide import TableDecision
from policies.explain import Explanation, explain, explain_inside
from policies.govern import prerequisites
from resolvers.bind import Request
from resolvers.engine import Engine
from resolvers.operation import Operation
from resolvers.run import Done
from resolvers.steps import Fetch, Lookup, Step, steps_of
from schema.caller import Caller
from schema.catalog import Product
from schema.errors import Place
from schema.query import Slot

Json = dict[str, object]


def explain_json(engine: Engine, operation: Operation, caller: Caller, done: Sequence[Done] = ()) -> Json:
    """Why an operation answers as it does for a caller, and what would run; with ``done``, what did (`Engine.trace`).
    Raises `Refusal` or `Refusals` where the operation is refused."""
    prepared = engine.prepare(operation, caller)
    plan = prepared.ready.plan
    found = explanations(engine, caller, plan.query.decisions)
    inner = prerequisites(plan.query.logical, engine.policies, engine.catalog) - plan.query.decisions.keys()
    found += [
        explain_inside(engine.catalog.products[name], engine.policies, engine.catalog, caller, engine.moment())
        for name in sorted(inner)
    ]
    steps = (*steps_of(tuple(gather.fetch for gather in plan.gathers)), *steps_of(plan.steps))
    return {
        "zone": caller.zone,
        "purpose": caller.purpose,
        "products": [explanation_json(one) for one in found],
        "statements": [{**_step(step, prepared.request), **_done(step, done)} for step in steps],
        "entitlements": sorted(plan.query.entitlements),
    }


def product_json(engine: Engine, product: Product, caller: Caller) -> Json:
    """What a caller may see of a product and why, all columns, without a query."""
    found = decision(engine.catalog, engine.policies, product, caller, engine.moment())
    told = explanations(engine, caller, {product.id: found})
    return {"zone": caller.zone, "purpose": caller.purpose, "products": [explanation_json(one) for one in told]}


def explanations(engine: Engine, caller: Caller, found: Mapping[str, TableDecision]) -> list[Explanation]:
    """The explanation of each decision, by product id."""
    products, moment = engine.catalog.products, engine.moment()
    return [
        explain(products[name], found[name], engine.policies, engine.catalog, caller, moment) for name in sorted(found)
    ]


def explanation_json(found: Explanation) -> Json:
    """An explanation as JSON."""
    return {
        "product": found.product,
        "visible": found.visible,
        "rows": found.rows,
        "condition": found.condition,
        "columns": [
            {
                "column": column.column,
                "state": column.state,
                "rule": column.rule,
                "at": _at(column.place),
                "reason": column.sentence,
                "mask": column.mask,
            }
            for column in found.columns
        ],
        "rules": [
            {
                "kind": rule.kind,
                "rule": rule.name,
                "at": _at(rule.place),
                "effect": rule.effect,
                "reason": rule.sentence,
                "columns": list(rule.columns),
            }
            for rule in found.rules
        ],
    }


def _at(place: Place | None) -> str | None:
    return None if place is None else f"{place.file}:{place.line}"


def _done(step: Step, done: Sequence[Done]) -> Json:
    """What a step did: rows, calls of the source, milliseconds. A step that nothing led to has done nothing."""
    found = [one for one in done if one.block == step.block.name]
    if not done:
        return {}
    seconds = max((one.seconds for one in found), default=0.0)
    calls = sum(one.calls for one in found)
    return {"rows": sum(one.rows for one in found), "calls": calls, "milliseconds": round(seconds * 1000, 3)}


def _step(step: Step, request: Request) -> Json:
    return _statement(step, request) if isinstance(step, Fetch) else _lookup(step)


def _lookup(lookup: Lookup) -> Json:
    return {
        "source": lookup.source,
        "product": lookup.product,
        "after": lookup.parent,
        "lookup": list(lookup.columns),
        "needs": sorted(lookup.needs),
    }


def _statement(fetch: Fetch, request: Request) -> Json:
    return {
        "source": fetch.source,
        "product": fetch.block.product,
        "after": fetch.parent,
        "sql": fetch.statement.text,
        "binds": [_bind(slot, request) for slot in fetch.statement.params],
    }


_UNTOLD = {
    "secret": "<secret:{}>",
    "entitlement": "<entitlement:{}>",
    "keys": "<key values of the parent rows>",
    "gathered": "<gathered before: {}>",
}


def _bind(slot: Slot, request: Request) -> Json:
    untold = _UNTOLD.get(slot.origin)
    value = untold.format(*slot.path[:1]) if untold and slot.path else untold
    origin = {"origin": slot.origin, "name": slot.name, "type": f"list<{slot.type}>" if slot.many else str(slot.type)}
    return {**origin, "value": _plain(request.value(slot)) if value is None else value}


def _plain(value: object) -> object:
    """A bound value as JSON has it."""
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value if value is None or isinstance(value, bool | int | float | str) else _text(value)


def _text(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
