"""An engine over a project folder, asked directly: no HTTP between the question and the bytes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import orjson

from app.project import load_project
from resolvers.backends.backend import Backend
from resolvers.backends.registry import open_backend
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller, ClaimValue
from schema.errors import Refusal, Refusals
from tests.leak.reference import Persona

KEYS = {use: hashlib.sha512(use.encode()).digest() for use in ("hash", "token", "key", "seal")}
FAR_FUTURE = 4102444800.0
MINUTE = 1_700_000_000.0


def caller(persona: Persona) -> Caller:
    """The persona's papers, as `authenticate` would have made them."""
    claims: dict[str, ClaimValue] = {"roles": persona.roles, "user": persona.subject}
    if persona.regions is not None:
        claims["regions"] = persona.regions
    if persona.person is not None:
        claims["person"] = persona.person
    return Caller(
        subject=persona.subject,
        issuer="https://dev.customhouse.example",
        zone=persona.zone,
        claims=claims,
        expires=FAR_FUTURE,
        purpose=persona.purpose,
        region="eu-west-1",
        digest=f"papers of {persona.name}",
    )


@dataclass
class House:
    """An open project. Ask it as a persona; the answer is the body, refusals included."""

    engine: Engine
    backends: Mapping[str, Backend]

    @classmethod
    def open(cls, folder: Path, zone: str = "internal") -> House:
        """Open the project in a folder, as much of it as the zone needs."""
        project = load_project(folder).seen_in(zone)
        sources = project.catalog.sources
        backends = {name: open_backend(source, source.url, folder) for name, source in sources.items()}
        engine = Engine(project.catalog, project.policies, zone, backends, KEYS, lambda: MINUTE)
        return cls(engine, backends)

    async def ask(self, text: str, persona: Persona, variables: Mapping[str, object] | None = None) -> bytes:
        try:
            answer = await self.engine.answer(Operation("graphql", text, dict(variables or {})), caller(persona))
        except Refusals as refusals:
            return orjson.dumps([(one.code, one.message, one.hint, one.status) for one in refusals.errors])
        except Refusal as refusal:
            return orjson.dumps([(refusal.code, refusal.message, refusal.hint, refusal.status)])
        return answer.body

    async def __aenter__(self) -> House:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for backend in self.backends.values():
            await backend.close()


def rounded(value: object) -> object:
    """Floats at 12 significant digits: sums differ in the last ones from run to run on parallel engines."""
    if isinstance(value, float):
        return 0.0 if value == 0 else float(f"{value:.12g}") if math.isfinite(value) else value
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value
