"""Everything around GraphQL, as a FastAPI application: the dictionary, the schema, OpenAPI, explanations and health.

Refusals here are RFC 9457 problem documents with the same codes. Health is open to all and therefore names nothing:
which source or issuer is missing stands in the log.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from app.http.admitted import admitted
from app.http.coding import coded_for
from app.http.described import Described
from app.http.exchange import request_id_of
from app.http.media import is_json_body
from app.http.page import asset
from app.http.read import read_post
from app.http.refuse import PROBLEM, errors_of, problem, refusal_headers
from app.http.trail import Trail
from app.log import event, failure
from app.metrics.metrics import Metrics
from app.serving import Serving, Switch
from app.settings import Settings
from resolvers.operation import Before, Operation
from schema.caller import Caller
from schema.errors import Refusal, Refusals
from schema.graphql import build

Dictionary = Callable[[Serving, Caller], object]
Explain = Callable[[Serving, Operation, Caller, Before], Awaitable[object]]
TRAIL = "customhouse.trail"
"""Where in a scope the trail of an exchange is, for what is learnt of it here."""
_SDLS = 32
_CHECKED_FOR, _LOOKED_FOR = 2.0, 5.0


@dataclass(slots=True)
class Surround:
    """The handlers. ``dictionary`` and ``explain`` give JSON values for a caller; ``metrics`` are
    the process's, for the gateway."""

    switch: Switch
    settings: Settings
    dictionary: Dictionary
    explain: Explain
    metrics: Metrics
    _described: Described = field(default_factory=Described)
    _sdl: dict[tuple[str, str], str] = field(default_factory=dict)
    _checked: tuple[float, bool] = (float("-inf"), False)
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _looked: float = float("-inf")
    _looking: asyncio.Task[None] | None = None

    async def catalog(self, request: Request) -> Response:
        """The dictionary as this caller may know it."""
        with self.switch.take() as serving:
            async with admitted(serving, request.headers.raw, _trail(request)) as caller:
                said = await asyncio.to_thread(self.dictionary, serving, caller)
                return await self._given(request, orjson.dumps(said), "application/json")

    async def schema(self, request: Request) -> Response:
        """The GraphQL schema as this caller may know it, in the schema definition language."""
        with self.switch.take() as serving:
            async with admitted(serving, request.headers.raw, _trail(request)) as caller:
                text = await asyncio.to_thread(self._visible_sdl, serving, caller)
                return await self._given(request, text.encode(), "text/plain; charset=utf-8")

    async def openapi(self, request: Request) -> Response:
        """The registered documents that this caller may ask, as an OpenAPI document."""
        with self.switch.take() as serving:
            async with admitted(serving, request.headers.raw, _trail(request)) as caller:
                said = await asyncio.to_thread(self._described.of, serving, caller)
                return await self._given(request, said, "application/json")

    async def _given(self, request: Request, body: bytes, media: str) -> Response:
        """What may be long, in the coding that the client likes best."""
        headers = {"vary": "Accept-Encoding"}
        if len(body) >= (self.settings.edge.compress_from or math.inf):
            body, said_so = await coded_for(body, ", ".join(request.headers.getlist("accept-encoding")))
            headers |= {name.decode(): value.decode() for name, value in said_so}
        return _with_fields(request, Response(body, 200, headers, media))

    async def why(self, request: Request) -> Response:
        """Why a query answers as it does for this caller. Needs the right that CUSTOMHOUSE_EXPLAIN names."""
        with self.switch.take() as serving:
            async with admitted(serving, request.headers.raw, _trail(request)) as caller:
                return _with_fields(request, await self._why(serving, caller, request))

    async def _why(self, serving: Serving, caller: Caller, request: Request) -> Response:
        if not may_explain(caller, self.settings.explain):
            raise Refusal("CH311", "The token does not give the right to ask why.", status=403)
        if not is_json_body(request.headers.get("content-type", "")):
            raise Refusal("CH141", "The request body is not declared as JSON.", status=415)
        asked = read_post(await _bounded(request, serving.zone.max_body_bytes))
        operation = await serving.desk.operation(asked, partial(serving.engine.knows, caller))
        trail = _trail(request)
        trail.asks(operation)
        async with asyncio.timeout(serving.zone.timeout):
            return _json(200, await self.explain(serving, operation, caller, trail.decided))

    async def live(self) -> Response:
        """The process runs."""
        return _json(200, {"status": "live"})

    async def started(self) -> Response:
        """Something is being served."""
        up = self.switch.current is not None
        return _json(200 if up else 503, {"status": "started" if up else "starting"})

    async def ready(self) -> Response:
        """Requests can be answered: not draining, keys of some issuer known, every required source answers."""
        missing = await self.missing()
        response = _json(503 if missing else 200, {"status": "not ready" if missing else "ready", "missing": missing})
        if missing:
            response.headers["retry-after"] = "5"
        return response

    async def missing(self) -> list[str]:
        """What is missing to answer requests."""
        serving = self.switch.current
        missing = ["catalog"] if serving is None else []
        if self.switch.draining:
            missing.append("draining")
        if serving is not None:
            if not any(keys.loaded for keys in serving.keysets):
                missing.append("keys")
            if not await self._sources(serving):
                missing.append("sources")
            if self.settings.admin is not None:
                self._look(serving)
        return missing

    def _look(self, serving: Serving) -> None:
        """See now and then which other sources do not answer, for the admin listener, which names them. Nobody waits
        for it."""
        if self._looking is not None or time.monotonic() - self._looked < _LOOKED_FOR:
            return

        async def look() -> None:
            sources = serving.project.catalog.sources
            names = [name for name in serving.backends if not sources[name].required]
            answers = await asyncio.gather(*(self._answers(serving, name) for name in names))
            silent = frozenset(name for name, answered in zip(names, answers, strict=True) if not answered)
            self.metrics.degraded(serving.zone.name, silent)

        def looked(task: asyncio.Task[None]) -> None:
            self._looking, self._looked = None, time.monotonic()
            if not task.cancelled() and (error := task.exception()) is not None:
                failure("degraded", error)

        self._looking = asyncio.create_task(look())
        self._looking.add_done_callback(looked)

    async def _sources(self, serving: Serving) -> bool:
        """Whether the required sources answer; remembered for a moment, so that probes cost nothing."""
        async with self._checking:
            at, answered = self._checked
            if time.monotonic() - at > _CHECKED_FOR:
                sources = serving.project.catalog.sources
                required = [name for name in serving.backends if sources[name].required]
                answered = all(await asyncio.gather(*(self._answers(serving, name) for name in required)))
                self._checked = (time.monotonic(), answered)
            return answered

    async def _answers(self, serving: Serving, name: str) -> bool:
        try:
            async with asyncio.timeout(_CHECKED_FOR):
                await serving.backends[name].check()
        except (Refusal, TimeoutError):
            event("source_unready", "warning", source=name)
            return False
        return True

    def _visible_sdl(self, serving: Serving, caller: Caller) -> str:
        catalog, visible = serving.project.catalog, serving.engine.visible(caller)
        key = (catalog.version, visible.digest)
        found = self._sdl.get(key)
        if found is None:
            found = build(catalog, serving.zone.name).view(visible).text
            while len(self._sdl) >= _SDLS:
                self._sdl.pop(next(iter(self._sdl)))
            self._sdl[key] = found
        return found


def surround(handlers: Surround) -> FastAPI:
    """The application. It serves no documentation pages: those would load scripts from elsewhere."""
    app = FastAPI(title="Customhouse", docs_url=None, redoc_url=None, openapi_url=None)
    routes: list[tuple[str, str, Callable[..., Awaitable[Response]]]] = [
        ("GET", "/catalog", handlers.catalog),
        ("GET", "/schema.graphql", handlers.schema),
        ("GET", "/openapi.json", handlers.openapi),
        ("POST", "/explain", handlers.why),
        ("GET", "/livez", handlers.live),
        ("GET", "/startupz", handlers.started),
        ("GET", "/readyz", handlers.ready),
        ("GET", "/graphiql/{name}", _asset),
        ("GET", "/", _home),
    ]
    for method, path, handler in routes:
        app.add_api_route(path, handler, methods=[method], response_model=None)
    says = _Says(handlers.switch)
    app.add_exception_handler(Refusal, says.refused)
    app.add_exception_handler(Refusals, says.refused)
    app.add_exception_handler(HTTPException, says.no_route)
    app.add_exception_handler(TimeoutError, says.late)
    app.add_exception_handler(Exception, says.broken)
    return app


def may_explain(caller: Caller, right: str | None) -> bool:
    """Whether a caller holds the right, written ``claim:value``: the claim is the value, or a list that holds it."""
    claim, _, wanted = (right or "").partition(":")
    value = caller.claims.get(claim)
    return right is not None and (value == wanted or (isinstance(value, tuple) and wanted in value))


def _trail(request: Request) -> Trail:
    found: Trail = request.scope[TRAIL]
    return found


def _with_fields(request: Request, response: Response) -> Response:
    """The response with what it says of its partner's quotas."""
    for name, value in _trail(request).fields():
        response.headers[name.decode()] = value.decode()
    return response


async def _asset(name: str) -> Response:
    found = asset(name)
    if found is None:
        raise nothing_here()
    return Response(found[0], 200, media_type=found[1])


async def _bounded(request: Request, most: int) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise Refusal("CH143", f"The request body is longer than {most} bytes.", status=413)
        pieces.append(piece)
    return b"".join(pieces)


def _json(status: int, value: object) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def nothing_here() -> Refusal:
    """CH151: what every address is that is none of ours."""
    return Refusal("CH151", "There is nothing at this address.", "GraphQL is asked at /graphql.", status=404)


async def _home(request: Request) -> Response:
    """A browser that was given only host and port."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/graphql", status_code=307)


@dataclass(frozen=True, slots=True)
class _Says:
    """What is answered where something went wrong, in the shape of the zone that is served."""

    switch: Switch

    async def refused(self, request: Request, error: Exception) -> Response:
        if isinstance(error, Refusal | Refusals):
            return self._problem(request, errors_of(error)[0])
        return await self.broken(request, error)

    async def no_route(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException) or error.status_code != 405:
            return self._problem(request, nothing_here())
        response = self._problem(request, Refusal("CH140", "This method is not offered here.", status=405))
        response.headers["allow"] = (error.headers or {}).get("Allow", "GET")
        return response

    async def late(self, request: Request, _: Exception) -> Response:
        return self._problem(request, Refusal("CH150", "The answer took too long.", status=504))

    async def broken(self, request: Request, error: Exception) -> Response:
        failure(request_id_of(request.headers.raw), error)
        return self._problem(request, Refusal("CH199", "Something went wrong inside the gateway.", status=500))

    def _problem(self, request: Request, refusal: Refusal) -> Response:
        _trail(request).codes = [refusal.code]
        body = problem(refusal, request_id_of(request.headers.raw), self.switch.restricted)
        response = Response(body, refusal.status, media_type=PROBLEM)
        for name, value in refusal_headers(refusal):
            response.headers[name.decode()] = value.decode()
        return _with_fields(request, response)
