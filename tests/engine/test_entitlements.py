"""Entitlements: looked up once, kept for as long as declared and no longer, capped, and safe where odd."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from resolvers.backends.backend import Deadline
from resolvers.entitlements import Entitlements
from resolvers.operation import Operation
from schema.caller import Caller
from schema.errors import Refusal
from tests.engine.house import EVERY, House, caller, place

TEXT = "{ cases { nodes { id } } }"
TEAMS = {"ann": ["a", "b"], "bob": ["b", None], "nul": [None], "tom": ["a", "b", "c"]}


def statements() -> Iterator[str]:
    yield "CREATE TABLE cases (id BIGINT, team TEXT)"
    yield "INSERT INTO cases VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, NULL), (5, '')"
    yield "CREATE TABLE members (id BIGINT, login TEXT, team TEXT)"
    number = 0
    for login, teams in TEAMS.items():
        for team in teams:
            number += 1
            yield f"INSERT INTO members VALUES ({number}, '{login}', {'NULL' if team is None else repr(team)})"


def papers(login: str | None) -> Caller:
    return caller(str(login), **({} if login is None else {"login": login}))


@pytest.mark.parametrize("engine", EVERY)
async def test_rows_by_entitlement(engine: str, tmp_path: Path) -> None:
    """A NULL among them makes the test unknown as a whole; none and an absent claim give no rows."""
    wanted = {"ann": ["1", "2"], "bob": [], "nul": [], "tom": ["1", "2", "3"], "zoe": []}
    async with House.open(place("entitlements", tmp_path / "p", engine, statements())) as house:
        for login, ids in wanted.items():
            said = await house.ask(TEXT, papers(login))
            assert said == {"data": {"cases": {"nodes": [{"id": id_} for id_ in ids]}}}, login
        said = await house.ask(TEXT, papers(None))
        assert said in ({"refused": ["CH205"]}, {"data": {"cases": {"nodes": []}}})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """Entitlements of one house over a clock of our own, and the table they are read from."""

    def __init__(self, folder: Path, house: House, cap: int = 3) -> None:
        self._folder, self._house, self.clock = folder, house, Clock()
        declared = {name: replace(one, cap=cap) for name, one in house.engine.policies.entitlements.items()}
        self._resolver = Entitlements(declared, house.backends, house.engine._policy_slot, self.clock)

    async def teams(self, login: str) -> tuple[object, ...]:
        prepared = self._house.engine.prepare(Operation("graphql", TEXT), papers(login))
        names = prepared.ready.plan.query.entitlements
        (found,) = (await self._resolver.resolve(names, prepared.request, Deadline.after(30))).values()
        return tuple(sorted(map(str, found)))

    def write(self, statement: str) -> None:
        with closing(sqlite3.connect(self._folder / "main.sqlite")) as connection:
            connection.execute(statement)
            connection.commit()


async def test_kept_as_long_as_declared_and_no_longer(tmp_path: Path) -> None:
    folder = place("entitlements", tmp_path / "p", "sqlite", statements())
    async with House.open(folder) as house:
        desk = Desk(folder, house)
        assert await desk.teams("ann") == ("a", "b")
        desk.write("DELETE FROM members WHERE login = 'ann' AND team = 'b'")
        desk.clock.now += 29.9
        assert await desk.teams("ann") == ("a", "b"), "kept"
        assert await desk.teams("bob") == ("None",), "another caller's are their own"
        desk.clock.now += 0.1
        assert await desk.teams("ann") == ("a",), "the revocation delay is over"
        desk.write("DELETE FROM members WHERE login = 'ann'")
        desk.clock.now += 29.9
        assert await desk.teams("ann") == ("a",), "counted from the last look-up"
        desk.clock.now += 0.1
        assert await desk.teams("ann") == ()


async def test_more_than_the_cap_is_refused_and_not_kept(tmp_path: Path) -> None:
    folder = place("entitlements", tmp_path / "p", "sqlite", statements())
    async with House.open(folder) as house:
        desk = Desk(folder, house, cap=2)
        assert await desk.teams("ann") == ("a", "b"), "as many as the cap"
        with pytest.raises(Refusal) as refused:
            await desk.teams("tom")
        assert (refused.value.code, refused.value.status) == ("CH605", 403)
        desk.write("DELETE FROM members WHERE login = 'tom' AND team = 'a'")
        assert await desk.teams("tom") == ("b", "c"), "a refusal is not kept"


async def test_a_look_up_that_fails_refuses_the_request(tmp_path: Path) -> None:
    """Without entitlements nothing is answered, not even the parts that need none."""
    folder = place("entitlements", tmp_path / "p", "sqlite", statements())
    async with House.open(folder) as house:
        Desk(folder, house).write("DROP TABLE members")
        assert await house.ask(f"{{ __typename {TEXT[1:]}", papers("ann")) == {"refused": ["CH502"]}
