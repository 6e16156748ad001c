"""Written: from the rows of a prepared operation to the bytes of its answer."""

from __future__ import annotations

import asyncio

import orjson

from resolvers.backends.failures import too_many_bytes
from resolvers.bind import Request
from resolvers.failed import MOST_PLACES, failed_places
from resolvers.operation import Answer
from resolvers.prepared import Prepared, Ready
from resolvers.results.results import SharedRows
from resolvers.run import Ran
from schema.errors import Refusal
from schema.zone import Zone

_LONG = 256 * 1024
"""An answer that is not read again where others would have to wait for it."""
_MEASURED = 1024 * 1024
"""The longest answer that is read again, which takes ten times its bytes, where nobody has asked for it."""
_NONE: frozenset[str] = frozenset()


def written(prepared: Prepared, ran: Ran, request: Request, zone: Zone) -> Answer:
    """The answer. Raises `Refusal` CH602 where it is larger than the zone allows."""
    ready = prepared.ready
    shared = _shared(ran) if ready.alike else None
    if shared is not None and (text := shared.written(ready)) is not None:
        return _answer(prepared, ran, text)
    failed = frozenset(ran.failures) if ran.failures else _NONE
    body: dict[str, object] = {"data": ready.encoder.encode(ran.rows, failed, request)}
    if failed:
        body["errors"] = _errors(ready, ran, request, zone)
    text = orjson.dumps(body)
    if failed and len(text) > zone.max_answer_bytes:  # it is the data that is bounded: say each failure once
        text = orjson.dumps({**body, "errors": _errors(ready, ran, request, zone, most=1)})
    if len(text) > zone.max_answer_bytes:
        raise too_many_bytes(zone.max_answer_bytes)
    if shared is not None:
        shared.keep(ready, text)
    answer = _answer(prepared, ran, text)
    if not failed:
        return answer
    return answer._replace(status=294, codes=tuple(sorted({failure.code for failure in ran.failures.values()})))


async def with_costs(prepared: Prepared, answer: Answer) -> Answer:
    """The same answer, which also says what it was estimated to cost and did."""
    long = len(answer.body) > _LONG
    return await asyncio.to_thread(_with_costs, prepared, answer) if long else _with_costs(prepared, answer)


def measured(prepared: Prepared, answer: Answer) -> Answer:
    """The same answer, which can be asked what it did cost. One that is too long to be read once more cannot."""
    body = answer.body
    if len(body) > _MEASURED:
        return answer

    async def measure() -> int:
        long = len(body) > _LONG
        return await asyncio.to_thread(_actual_cost, prepared, body) if long else _actual_cost(prepared, body)

    return answer._replace(measure=measure)


def _actual_cost(prepared: Prepared, body: bytes) -> int:
    return prepared.document.cost(prepared.request.variables, orjson.loads(body)["data"])


def _with_costs(prepared: Prepared, answer: Answer) -> Answer:
    said = {"estimated": prepared.cost, "actual": _actual_cost(prepared, answer.body)}
    extensions = orjson.dumps({"extensions": {"cost": said}})
    return answer._replace(body=answer.body[:-1] + b"," + extensions[1:])


def _answer(prepared: Prepared, ran: Ran, text: bytes) -> Answer:
    return Answer(text, 200, prepared.timings, prepared.document.mark, given=ran.given, cost=prepared.cost)


def _errors(ready: Ready, ran: Ran, request: Request, zone: Zone, most: int = MOST_PLACES) -> list[dict[str, object]]:
    """An error for every root that failed, and for every object below one, ``most`` for each part of the query."""
    failed = frozenset(ran.failures)
    errors = [_error([key], _first(ran, needs), zone) for key, _, needs in ready.encoder.fields if needs & failed]
    below = failed - {block.name for block in ready.plan.query.logical.blocks}
    if below:
        places = failed_places(ready.plan, ran.rows, below, request, most)
        errors += [_error(list(place), ran.failures[name], zone) for name, place in places]
    return errors


def _error(path: list[str | int], refusal: Refusal, zone: Zone) -> dict[str, object]:
    hint = {"hint": refusal.hint} if refusal.hint and not zone.restricted else {}
    return {"message": refusal.message, "path": path, "extensions": {"code": refusal.code} | hint}


def _first(ran: Ran, needs: frozenset[str]) -> Refusal:
    return next(ran.failures[name] for name in sorted(needs & frozenset(ran.failures)))


def _shared(ran: Ran) -> SharedRows | None:
    """The rows of a whole answer, where other requests have the same."""
    if len(ran.rows) != 1 or ran.failures:
        return None
    rows: object = next(iter(ran.rows.values()))
    return rows if isinstance(rows, SharedRows) else None
