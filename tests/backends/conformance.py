"""What every back end must do, as one suite that each inherits.

The cases are tables under ``cases/``; the rest needs an engine that runs, stops and comes back.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest
import yaml
from sqlglot import exp, parse_one

from resolvers.backends.backend import Backend, Bounds, Deadline
from resolvers.backends.binding import values
from resolvers.backends.dialect import Statement
from schema.errors import Refusal
from schema.query import Slot
from schema.types import STRING, parse_type
from tests.backends.engines import FACTS, Engine
from tests.backends.streaming import Streaming

WIDE = Bounds(100_000, 1 << 26)
_CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = yaml.safe_load((_CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def slots(binds: Mapping[str, list[object]]) -> dict[str, Slot]:
    """``name: [type, value, transform?]``; ``list<type>`` for a list bind."""
    made = {}
    for name, (spelt, value, *transform) in binds.items():
        many = str(spelt).startswith("list<")
        type_ = parse_type(str(spelt)[5:-1] if many else str(spelt))
        made[name] = Slot(
            name, type_, "constant", many=many, value=value, transform=transform[0] if transform else None
        )
    return made


async def fetch(backend: Backend, statement: Statement, bounds: Bounds = WIDE) -> list[tuple[object, ...]]:
    return await backend.fetch(statement, values(statement, lambda slot: slot.value), Deadline.after(20), bounds)


async def ask(backend: Backend, sql: str, type_: str, binds: Mapping[str, list[object]] | None = None) -> object:
    """The wire value of one expression."""
    made = slots(binds or {})
    select = exp.select(exp.alias_(backend.dialect.wire(parse_one(sql), parse_type(type_)), "v"))
    return (await fetch(backend, backend.dialect.render(select, made)))[0][0]


def relation(backend: Backend, alias: str) -> exp.Subquery:
    """``facts`` as the planner sees it: every stored column under its logical type."""
    columns = [
        exp.alias_(
            backend.dialect.column(exp.column(name, table="s", quoted=True), parse_type(type_)), name, quoted=True
        )
        for name, type_ in FACTS.items()
    ]
    table = exp.Table(this=exp.to_identifier("facts", quoted=True), alias=exp.TableAlias(this=exp.to_identifier("s")))
    return exp.select(*columns).from_(table).subquery(alias)


def select_of(backend: Backend, case: Mapping[str, object]) -> exp.Select:
    items = [
        exp.alias_(backend.dialect.wire(parse_one(str(sql)), parse_type(str(type_))), f"v{at}")
        for at, (sql, type_) in enumerate(zip(case["select"], case["types"], strict=True))  # type: ignore[call-overload]
    ]
    made = exp.select(*items).from_(exp.table_("facts", alias="t"))
    made = made.where(str(case["where"])) if "where" in case else made
    made = made.group_by(*case["group"]) if "group" in case else made  # type: ignore[misc]
    made = made.having(str(case["having"])) if "having" in case else made
    made = made.order_by(*case["order"]) if "order" in case else made  # type: ignore[misc]
    if case.get("limit"):
        made = made.limit(exp.Placeholder(this="limit")).offset(exp.Placeholder(this="offset"))
    for table in list(made.find_all(exp.Table)):
        table.replace(relation(backend, table.alias))
    return made


def raw(text: str) -> exp.Expression:
    """Engine SQL, written as it is."""
    return exp.Var(this=text)


def exact(text: str) -> object:
    """Parsed JSON in which 15 is not 15.0."""
    return json.loads(text, parse_float=lambda n: f"float {float(n)!r}", parse_int=lambda n: f"integer {n}")


@pytest.mark.asyncio(loop_scope="module")
class Conformance(Streaming):
    """Inherited once per engine, whose module gives the fixture ``engine``."""

    @pytest.mark.parametrize("case", cases("wire"), ids=lambda case: f"{case['type']}-{case['want']}"[:60])
    async def test_wire_form(self, engine: Engine, backend: Backend, case: dict[str, str]) -> None:
        if engine.literal not in case:
            return
        type_ = parse_type(case["type"])
        value = backend.dialect.wire(raw(case[engine.literal]), type_)
        (row,) = await fetch(backend, backend.dialect.render(exp.select(exp.alias_(value, "v")), {}))
        assert orjson.dumps(row[0]) == orjson.dumps(orjson.loads(case["want"]))
        if backend.dialect.capabilities.tree:
            document = exp.select(exp.alias_(backend.dialect.json_row([value]), "j"))
            ((text,),) = await fetch(backend, backend.dialect.render(document, {}))
            assert exact(str(text)) == [exact(case["want"])]

    @pytest.mark.parametrize(
        "case", cases("functions"), ids=lambda case: f"{case['sql']}-{list(case['binds'].values())}"
    )
    async def test_logical_function(self, backend: Backend, case: dict[str, object]) -> None:
        binds: dict[str, list[object]] = case["binds"]  # type: ignore[assignment]
        found = await ask(backend, str(case["sql"]), str(case["type"]), binds)
        want = case["want"]
        if isinstance(want, str) and want.startswith("hmac"):
            message = "42" if want == "hmac of 42" else str(binds["s"][1])
            want = hmac.new(base64.b64decode(str(binds["k"][1])), message.encode(), hashlib.sha256).hexdigest()
        assert found == want
        assert type(found) is type(want)

    @pytest.mark.parametrize(
        "case", cases("tables"), ids=lambda c: " ".join(str(c.get(k, "")) for k in ("select", "where", "order"))
    )
    async def test_table(self, backend: Backend, case: dict[str, object]) -> None:
        needs = case.get("needs")
        if needs and not getattr(backend.dialect.capabilities, str(needs)):
            return
        made = slots(case.get("binds", {}))  # type: ignore[arg-type]
        rows = await fetch(backend, backend.dialect.render(select_of(backend, case), made))
        found = [[float(f"{v:.12g}") if isinstance(v, float) else v for v in row] for row in rows]
        want: list[list[object]] = case["want"]  # type: ignore[assignment]
        assert found == [[float(f"{v:.12g}") if isinstance(v, float) else v for v in row] for row in want]

    @pytest.mark.parametrize("length", [0, 1, 2, 3, 9, 1000, 1100])
    async def test_list_bind(self, backend: Backend, length: int) -> None:
        listed = ["a", "é", *(f"x{n}" for n in range(length))][:length]
        want = {text for text in listed if text in ("a", "b", "B", "é")}
        assert await self._members(backend, "s", "list<string>", listed, "CH_IN(s, :l)") == want
        rest = await self._members(backend, "s", "list<string>", listed, "NOT CH_IN(s, :l)")
        assert rest == {"a", "b", "B", "é"} - want | ({None} if length == 0 else set())

    @pytest.mark.parametrize(
        ("column", "type_", "listed", "want"),
        [
            ("n", "list<integer>", [0, 2147483647, -1], {"1", "3"}),
            ("big", "list<bigint>", ["9223372036854775807"], {"1", "2"}),
            ("d", "list<decimal>", ["0.1", "10"], {"1", "2"}),
            ("f", "list<float>", [0.25, 2.5], {"2", "4"}),
            ("day", "list<date>", ["2013-01-02"], {"1"}),
            ("moment", "list<timestamp>", ["2013-01-01T06:00:00+01:00", "2013-06-01T00:00:00.5Z"], {"1", "3"}),
            ("ok", "list<boolean>", [True], {"1", "3"}),
        ],
    )
    async def test_list_bind_of_every_type(
        self, backend: Backend, column: str, type_: str, listed: list[object], want: set[str]
    ) -> None:
        found = await self._members(backend, "CH_TEXT(id, 'integer')", type_, listed, f"CH_IN({column}, :l)")
        assert found == want

    async def test_a_null_in_a_list_keeps_its_meaning(self, backend: Backend) -> None:
        listed = ["a", None]
        assert await self._members(backend, "s", "list<string>", listed, "CH_IN(s, :l)") == {"a"}
        assert await self._members(backend, "s", "list<string>", listed, "NOT CH_IN(s, :l)") == set()

    async def _members(self, backend: Backend, item: str, type_: str, listed: list[object], where: str) -> set[object]:
        case = {"select": [item], "types": ["string"], "where": where}
        statement = backend.dialect.render(select_of(backend, case), slots({"l": [type_, listed]}))
        return {row[0] for row in await fetch(backend, statement)}

    async def test_membership_has_three_values(self, backend: Backend) -> None:
        async def member(value: object, listed: list[object]) -> object:
            return await ask(
                backend, "CH_IN(:v, :l)", "boolean", {"v": ["string", value], "l": ["list<string>", listed]}
            )

        assert await member("a", ["a", "b"]) is True
        assert await member("c", ["a", "b"]) is False
        assert await member(None, ["a", "b"]) is None
        assert await member("c", ["a", None]) is None
        assert await member(None, []) is False
        assert await member("c", []) is False

    async def test_tree(self, backend: Backend) -> None:
        """A correlated sub-select with its own order, limit and nested objects, and parents without children."""
        dialect = backend.dialect
        if not dialect.capabilities.tree:
            return
        child = (
            exp.select(
                exp.alias_(dialect.json_row([dialect.wire(exp.column("word", table="c"), STRING)]), "j"),
                exp.alias_(parse_one("ROW_NUMBER() OVER (ORDER BY c.word DESC NULLS LAST)"), "n"),
            )
            .from_(exp.table_("children", alias="c"))
            .where("c.parent = p.id")
            .order_by("c.word DESC NULLS LAST")
        )
        inner = exp.select(dialect.json_rows(exp.column("j", table="q"), exp.column("n", table="q"))).from_(
            child.limit(exp.Placeholder(this="most")).subquery("q")
        )
        item = dialect.json_object(
            [("name", dialect.wire(exp.column("name", table="p"), STRING)), ("kids", inner.subquery())]
        )
        select = exp.select(exp.alias_(item, "j")).from_(exp.table_("parents", alias="p")).order_by("p.id")
        statement = dialect.render(select, slots({"most": ["integer", 2]}))
        found = [orjson.loads(str(row[0])) for row in await fetch(backend, statement)]
        assert found == [
            {"name": "one", "kids": [["b"], ["a"]]},
            {"name": "two", "kids": [["c"]]},
            {"name": "none", "kids": []},
        ]

    async def test_wide_tree_row(self, backend: Backend) -> None:
        dialect = backend.dialect
        if not dialect.capabilities.tree:
            return
        wired = [dialect.wire(exp.Literal.number(n), parse_type("integer")) for n in range(150)]
        row = exp.select(exp.alias_(dialect.json_row(wired), "j"))
        assert orjson.loads(str((await fetch(backend, dialect.render(row, {})))[0][0])) == list(range(150))
        named = exp.select(exp.alias_(dialect.json_object([(f"k{n}", w) for n, w in enumerate(wired)]), "j"))
        found = orjson.loads(str((await fetch(backend, dialect.render(named, {})))[0][0]))
        assert found == {f"k{n}": n for n in range(150)}

    def numbers(self, backend: Backend, most: int) -> Statement:
        select = (
            exp.select(exp.alias_(backend.dialect.wire(exp.column("i"), parse_type("integer")), "i"), exp.column("pad"))
            .from_("numbers")
            .order_by("i")
            .limit(most)
        )
        return backend.dialect.render(select, {})

    async def test_rows_are_bounded(self, backend: Backend) -> None:
        assert len(await fetch(backend, self.numbers(backend, 2500), Bounds(2500, 1 << 24))) == 2500
        for most in (0, 10, 2499):
            with pytest.raises(Refusal) as refused:
                await fetch(backend, self.numbers(backend, 2500), Bounds(most, 1 << 24))
            assert refused.value.code == "CH601"
        assert [row[0] for row in await fetch(backend, self.numbers(backend, 2500))] == list(range(2500))

    async def test_bytes_are_bounded(self, backend: Backend) -> None:
        with pytest.raises(Refusal) as refused:
            await fetch(backend, self.numbers(backend, 50), Bounds(1000, 4000))
        assert refused.value.code == "CH602"
        assert len(await fetch(backend, self.numbers(backend, 30), Bounds(1000, 4000))) == 30

    async def test_engine_text_reaches_only_the_log(
        self, engine: Engine, backend: Backend, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Engines quote the cell that they tripped over; the cell may be hidden from the caller."""
        with caplog.at_level(logging.DEBUG), pytest.raises(Refusal) as refused:
            await fetch(backend, Statement(engine.broken, ()))
        said = refused.value
        assert (said.code, said.status) == ("CH502", 500)
        assert "warehouse" not in said.message + str(said.hint)
        assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == ["customhouse.source"]
        assert "CANARY-7f3a" not in caplog.text + said.message + str(said.hint)
        assert await ask(backend, "1", "integer") == 1

    async def test_a_value_that_does_not_fit_is_refused(self, backend: Backend) -> None:
        for type_, value in (("bigint", "9223372036854775808"), ("date", "2013-02-30"), ("string", "a\x00b")):
            with pytest.raises(Refusal) as refused:
                await ask(backend, ":v", type_, {"v": [type_, value]})
            assert refused.value.code == "CH504"

    async def test_timeout_reaches_the_engine(self, engine: Engine) -> None:
        """With one connection, the next statement can only run once the engine has really stopped the slow one."""
        backend = engine.opened(pool_size=1, workers=1)
        try:
            with pytest.raises(Refusal) as refused:
                await backend.fetch(Statement(engine.slow, ()), (), Deadline.after(0.5), WIDE)
            assert (refused.value.code, refused.value.status) == ("CH503", 504)
            assert await ask(backend, "1", "integer") == 1
            assert await self.running(engine) == 0
        finally:
            await backend.close()

    async def test_cancellation_reaches_the_engine(self, engine: Engine) -> None:
        backend = engine.opened(pool_size=1, workers=1)
        try:
            task = asyncio.create_task(backend.fetch(Statement(engine.slow, ()), (), Deadline.after(60), WIDE))
            await self.begun(engine)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await ask(backend, "1", "integer") == 1
            assert await self.running(engine) == 0
        finally:
            await backend.close()

    async def begun(self, engine: Engine) -> None:
        """Return once the slow statement is at the engine."""
        await asyncio.sleep(0.5)

    async def running(self, engine: Engine) -> int:
        """How many slow statements the engine itself reports; 0 where it lives in this process and cannot say."""
        return 0

    async def test_cancelling_one_leaves_the_others_alone(self, engine: Engine) -> None:
        backend = engine.opened(pool_size=2, workers=2)
        try:
            slow = asyncio.create_task(backend.fetch(Statement(engine.slow, ()), (), Deadline.after(60), WIDE))
            await self.begun(engine)
            quick = [asyncio.create_task(fetch(backend, self.numbers(backend, 2000))) for _ in range(8)]
            slow.cancel()
            assert {len(rows) for rows in await asyncio.gather(*quick)} == {2000}
            with pytest.raises(asyncio.CancelledError):
                await slow
        finally:
            await backend.close()

    async def test_fifty_at_once(self, engine: Engine) -> None:
        """Bounded: fifty statements, two connections, all answered; some callers leave while they wait."""
        backend = engine.opened(pool_size=2, workers=2)
        try:
            tasks = [
                asyncio.create_task(ask(backend, "CH_LENGTH(:s)", "integer", {"s": ["string", "x" * n]}))
                for n in range(50)
            ]
            await asyncio.sleep(0)
            leaving = tasks[3::7]
            for task in leaving:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert [n for n, answer in enumerate(found) if answer != n] == list(range(3, 50, 7))
            assert await ask(backend, "1", "integer") == 1
            assert await self.connections(engine) <= 2
        finally:
            await backend.close()

    async def test_places_tell_what_runs_and_what_waits(self, engine: Engine) -> None:
        backend = engine.opened(pool_size=1, workers=1)
        try:
            slow = asyncio.create_task(backend.fetch(Statement(engine.slow, ()), (), Deadline.after(60), WIDE))
            await self.begun(engine)
            leaving, staying = (asyncio.create_task(ask(backend, "1", "integer")) for _ in range(2))
            await self.full(backend, 1, 2)
            leaving.cancel()
            await self.full(backend, 1, 1)
            slow.cancel()
            assert await staying == 1
            await self.full(backend, 0, 0)
            await asyncio.gather(slow, leaving, return_exceptions=True)
        finally:
            await backend.close()

    async def test_a_source_that_is_full_of_statements_answers(self, engine: Engine) -> None:
        backend = engine.opened(pool_size=1, workers=1)
        try:
            slow = asyncio.create_task(backend.fetch(Statement(engine.slow, ()), (), Deadline.after(60), WIDE))
            await self.begun(engine)
            async with asyncio.timeout(30):
                await backend.check()
            assert not slow.done()
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
        finally:
            await backend.close()

    async def full(self, backend: Backend, used: int, waiting: int, at: int = 0) -> None:
        """Return once so many of the one place are used and so many calls wait for it."""
        async with asyncio.timeout(30):
            while (found := backend.places()[at])[1:4] != (used, 1, waiting):
                assert found.most == 1
                await asyncio.sleep(0.01)

    async def connections(self, engine: Engine) -> int:
        """How many connections of this back end the engine reports."""
        return 0

    async def test_rendering_is_deterministic(self, backend: Backend) -> None:
        case = {"select": ["id"], "types": ["integer"], "where": "s = :a AND n = :b AND s <> :a", "order": ["id"]}
        made = slots({"a": ["string", "x"], "b": ["integer", 1]})
        first, second = (backend.dialect.render(select_of(backend, case), made) for _ in range(2))
        assert first == second
        assert [slot.name for slot in first.params] == sorted({slot.name for slot in first.params}) or len(
            first.params
        ) == 2

    async def test_describe(self, backend: Backend) -> None:
        tables = {table.path: table for table in await backend.describe()}
        assert set(tables) >= {("facts",), ("parents",), ("children",), ("numbers",)}
        facts = {column.name: column.type for column in tables["facts",].columns}
        assert facts == self.described
        assert tables["parents",].key == ("id",)
        assert [c.nullable for c in tables["parents",].columns] == [False, False]
        (reference,) = tables["children",].foreign_keys
        assert (reference.columns, reference.target, reference.target_columns) == (("parent",), ("parents",), ("id",))
        if self.comments:
            assert tables["parents",].comment == "who has children"
            assert tables["parents",].columns[1].comment == "what they are called"

    described: Mapping[str, str] = FACTS
    comments = True
