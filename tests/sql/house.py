"""The house of the attacks: its project over one engine, in one of two worlds that differ in what nobody may tell."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import duckdb
import orjson

from app.personas import load_personas
from app.project import load_project
from app.steward.papers import caller_of
from resolvers.backends.backend import Backend, Bounds
from resolvers.backends.registry import open_backend
from resolvers.engine import Engine
from resolvers.formats.choose import writer_of
from resolvers.formats.column import columns
from resolvers.formats.encode import encoded
from resolvers.frontends.sql.parameters import read_parameters
from resolvers.statements.engine import Asked
from schema.caller import Caller
from schema.errors import Refusal
from schema.statement import Dialect
from tests.leak.house import KEYS
from tests.postgres import server
from tests.sql.corpus import PROJECT, seed

ENGINES = ("duckdb", "postgres")
BEFORE_ANY_ENGINE = ("CH1", "CH2", "CH4", "CH6")


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: a body, and the refusal where there is one, as a caller sees both."""

    body: bytes
    rows: tuple[tuple[object, ...], ...] | None = None
    code: str = ""


@dataclass
class House:
    """An open project. Ask it as a persona."""

    engine: Engine
    backends: Mapping[str, Backend]
    callers: Mapping[str, Caller]

    @classmethod
    def open(cls, folder: Path, kind: str, other: bool, zone: str = "internal") -> House:
        """The project in a folder of its own, filled."""
        shutil.copytree(PROJECT, folder)
        if kind == "duckdb":
            connection = duckdb.connect(str(folder / "crm.duckdb"))
            connection.execute("SET TimeZone = 'UTC'")
            for statement in seed(other):
                connection.execute(statement)
            connection.close()
        else:
            dsn = server().database(";\n".join(seed(other)))
            settings = folder / "customhouse.yaml"
            text = settings.read_text().replace('duckdb, url: "crm.duckdb"', f'postgres, url: "{dsn}"')
            partners = f'    sources: {{main: {{url: "{dsn}?application_name=partner"}}}}'
            settings.write_text(text.replace("    sources: {}", partners))
        project = load_project(folder).seen_in(zone)
        sources = project.catalog.sources
        backends = {name: open_backend(source, source.url, folder) for name, source in sources.items()}
        engine = Engine(project.catalog, project.policies, zone, backends, KEYS, lambda: 1_700_000_000.0)
        personas = load_personas(folder)
        callers = {name: caller_of(one, project.catalog, zone, None) for name, one in personas.items()}
        return cls(engine, backends, callers)

    async def ask(
        self, text: str, persona: str = "analyst", dialect: str = "postgres", parameters: object = None
    ) -> Answered:
        """One statement's answer as JSON, or its refusal as the endpoint writes it."""
        try:
            asked = Asked(text, _dialect(dialect), read_parameters(parameters), "id")
            result = await self.engine.statements.answer(asked, self.callers[persona])
            try:
                writer = writer_of("json", result.stream.schema, columns(result.stream.schema, result.types))
                pieces = encoded(result.stream, writer, Bounds(100_000, 1 << 26), request_id="id")
                body = b"".join([piece async for piece in pieces])
            finally:
                await result.stream.aclose()
        except Refusal as refusal:
            said = (refusal.code, refusal.message, refusal.hint, refusal.status, refusal.locations)
            return Answered(orjson.dumps(said), None, refusal.code)
        except Exception as error:  # noqa: BLE001 - what is not a refusal is a fault, and is counted as one
            return Answered(repr(error).encode("utf-8", "replace"), None, f"fault: {type(error).__name__}")
        answer = orjson.loads(body)
        if "error" in answer:
            return Answered(body, None, str(answer["error"]["code"]))
        return Answered(body, tuple(tuple(row) for row in answer["rows"]))

    async def __aenter__(self) -> House:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.engine.close()
        for backend in self.backends.values():
            await backend.close()


def _dialect(name: str) -> Dialect:
    for known in ("postgres", "duckdb", "bigquery", "ansi"):
        if known == name:
            return known  # type: ignore[return-value]  # one of the dialects, by the line above
    raise ValueError(f"no dialect {name}")
