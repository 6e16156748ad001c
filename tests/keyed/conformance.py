"""What everything that answers by key must do, as suites that each back end inherits.

`Faults` is for feature stores and models alike: what happens when the source is down, slow, silent, or says what it
should not. `Features` is for feature stores: entities, types, batches. The cases are tables under ``cases/``.

A back end is asked through a proxy (`tests.keyed.wire`) over a real socket. Where its test says that what stands behind
is a stand-in, the suite proves the client side only.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.keyed import Call, Key, Keyed, Row
from resolvers.natural import natural
from schema.catalog import Product
from schema.errors import Refusal
from schema.types import parse_type
from tests.keyed.products import view
from tests.keyed.wire import Fault, Wire

CANARY = "CANARY-7f3a"
_CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = yaml.safe_load((_CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def soon(seconds: float = 20.0) -> Call:
    return Call(Deadline.after(seconds))


class House(ABC):
    """A source behind a wire, and one product of it with two keys that it has answers for."""

    wire: Wire
    product: Product
    keys: Sequence[Key]
    columns: Sequence[str]
    rows: Sequence[Row]
    alone: Mapping[str, object]
    """The options that leave a back end one connection."""

    @abstractmethod
    def opened(self, **options: object) -> Keyed:
        """A back end that asks through the wire."""

    @abstractmethod
    def refusing(self) -> Product:
        """A product for which the source answers an error; it quotes the canary where the source can be made to."""

    @abstractmethod
    def spoilt(self) -> tuple[Product, Key, str]:
        """A product, a key and a column whose value is the canary, and none of its type."""


class Faults:
    """One round trip each way that can go wrong."""

    @asynccontextmanager
    async def opened(self, house: House, **options: object) -> AsyncIterator[Keyed]:
        backend = house.opened(**options)
        try:
            yield backend
        finally:
            house.wire.fail("none")
            await backend.close()

    async def right(self, house: House, backend: Keyed, call: Call | None = None) -> None:
        """It answers, and rightly: a store's rows with their keys, a model's with all outputs."""
        rows = await backend.find(house.product, house.keys, house.columns, call or soon())
        key = house.product.key if house.product.model is None else ()
        wanted = [{name: row[name] for name in (*key, *house.columns)} for row in house.rows]
        assert rows == wanted

    async def refused(self, code: str, house: House, backend: Keyed, call: Call | None = None) -> None:
        with pytest.raises(Refusal) as refused:
            await backend.find(house.product, house.keys, house.columns, call or soon())
        assert refused.value.code == code

    async def test_asking_needs_no_check_before(self, house: House) -> None:
        async with self.opened(house) as backend:
            await self.right(house, backend)

    async def test_a_source_that_is_down_comes_back(self, house: House) -> None:
        async with self.opened(house) as backend:
            await self.right(house, backend)
            await house.wire.cut()
            for _ in range(3):
                await self.refused("CH501", house, backend)
            await house.wire.mend()
            await self.right(house, backend)

    async def test_a_source_that_is_down_at_first(self, house: House) -> None:
        await house.wire.cut()
        async with self.opened(house) as backend:
            await self.refused("CH501", house, backend)
            await house.wire.mend()
            await self.right(house, backend)

    @pytest.mark.parametrize(("fault", "codes"), [("reset", {"CH501"}), ("garbage", {"CH501", "CH502"})])
    async def test_a_broken_answer(
        self, house: House, fault: Fault, codes: set[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        async with self.opened(house) as backend:
            house.wire.fail(fault)
            with pytest.raises(Refusal) as refused:
                await backend.find(house.product, house.keys, house.columns, soon())
            assert refused.value.code in codes
            assert CANARY not in caplog.text
            house.wire.fail("none")
            await self.right(house, backend)

    async def test_an_error_of_the_source(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        async with self.opened(house) as backend:
            with pytest.raises(Refusal) as refused:
                await backend.find(house.refusing(), house.keys, house.columns, soon())
            self.quiet(refused.value, caplog)
            await self.right(house, backend)

    async def test_a_value_that_is_none_of_its_type(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        product, key, column = house.spoilt()
        async with self.opened(house) as backend:
            with pytest.raises(Refusal) as refused:
                await backend.find(product, [key], [column], soon())
            self.quiet(refused.value, caplog)
            await self.right(house, backend)

    def quiet(self, said: Refusal, caplog: pytest.LogCaptureFixture) -> None:
        """CH502, said in our words, with nothing behind it that a traceback would print."""
        assert said.code == "CH502"
        assert said.__cause__ is None
        assert said.__suppress_context__
        assert CANARY not in said.message + str(said.hint) + caplog.text
        assert said.message == "A source of this answer failed."
        warned = {record.name for record in caplog.records if record.levelno >= logging.WARNING}
        assert warned == {"customhouse.source"}

    @pytest.mark.parametrize("fault", ["hold", "black hole", "drip"])
    async def test_the_deadline_ends_the_call(self, house: House, fault: Fault) -> None:
        """The back end has one connection: that another call is answered shows that the late one has let go of it."""
        async with self.opened(house, **house.alone) as backend:
            await self.right(house, backend)
            house.wire.fail(fault)
            await self.refused("CH503", house, backend, soon(0.5))
            await house.wire.until(lambda: house.wire.open == 0)
            house.wire.fail("none")
            await self.right(house, backend)

    async def test_a_deadline_that_is_over(self, house: House) -> None:
        async with self.opened(house) as backend:
            await self.right(house, backend)
            house.wire.count()
            await self.refused("CH503", house, backend, soon(0))
            assert house.wire.trips == 0

    async def test_a_task_that_is_cancelled_ends_the_call(self, house: House) -> None:
        async with self.opened(house, **house.alone) as backend:
            await self.right(house, backend)
            house.wire.fail("hold")
            task = asyncio.create_task(self.right(house, backend))
            await house.wire.until(lambda: house.wire.waiting >= 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await house.wire.until(lambda: house.wire.open == 0)
            house.wire.fail("none")
            await self.right(house, backend)

    async def test_a_late_answer_is_nobody_elses(self, house: House) -> None:
        """A call is cut off with its answer under way; the next one on the same connection must not get it."""
        async with self.opened(house, **house.alone) as backend:
            await self.right(house, backend)
            for key, wanted in zip(house.keys, house.rows, strict=True):
                house.wire.fail("hold")
                others = [other for other in house.keys if other != key]
                task = asyncio.create_task(backend.find(house.product, others, house.columns, soon()))
                await house.wire.until(lambda: house.wire.waiting >= 1)
                task.cancel()
                house.wire.fail("none")
                (row,) = await backend.find(house.product, [key], house.columns, soon())
                assert row is not None
                assert {name: row[name] for name in house.columns} == {name: wanted[name] for name in house.columns}
                with pytest.raises(asyncio.CancelledError):
                    await task

    async def test_two_side_by_side(self, house: House) -> None:
        """Neither is answered before both have asked."""
        async with self.opened(house) as backend:
            house.wire.fail("hold")
            both = [asyncio.create_task(self.right(house, backend)) for _ in range(2)]
            await house.wire.until(lambda: house.wire.waiting >= 2)
            house.wire.fail("none")
            await asyncio.gather(*both)

    async def test_many_at_once_over_few_connections(self, house: House) -> None:
        async with self.opened(house, **house.alone) as backend:
            tasks = [asyncio.create_task(self.right(house, backend)) for _ in range(12)]
            await asyncio.sleep(0)
            for task in tasks[2::5]:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert [at for at, end in enumerate(ended) if end is not None] == [2, 7]
            assert house.wire.open <= 1

    async def test_places_tell_what_runs_and_what_waits(self, house: House) -> None:
        async with self.opened(house, **house.alone) as backend:
            await self.right(house, backend)
            house.wire.fail("hold")
            calls = [asyncio.create_task(self.right(house, backend)) for _ in range(3)]
            await house.wire.until(lambda: house.wire.waiting >= 1 and backend.places()[0][1:4] == (1, 1, 2))
            calls[2].cancel()
            await house.wire.until(lambda: backend.places()[0][1:4] == (1, 1, 1))
            house.wire.fail("none")
            await asyncio.gather(*calls, return_exceptions=True)
            await house.wire.until(lambda: backend.places()[0][1:4] == (0, 1, 0))

    async def test_check(self, house: House) -> None:
        async with self.opened(house) as backend:
            await backend.check()
            await house.wire.cut()
            with pytest.raises(Refusal) as refused:
                await backend.check()
            assert refused.value.code == "CH501"
            await house.wire.mend()
            await backend.check()

    async def test_closing_twice(self, house: House) -> None:
        backend = house.opened()
        await backend.close()
        backend = house.opened()
        await self.right(house, backend)
        await backend.close()
        await backend.close()
        await house.wire.until(lambda: house.wire.open == 0)

    async def test_one_call_is_one_trip(self, house: House) -> None:
        async with self.opened(house) as backend:
            await self.right(house, backend)
            house.wire.count()
            await self.right(house, backend)
            assert house.wire.trips == 1

    def test_an_option_that_it_does_not_know(self, house: House) -> None:
        with pytest.raises(ValueError, match=r"has no option 'colour'; there are .*batch"):
            house.opened(colour="blue")


class FeatureHouse(House):
    """A feature store. Its one product is made of what a store can keep."""

    most: int
    """The most keys of a call that the store allows."""

    @abstractmethod
    def put(self, product: Product, rows: Sequence[Mapping[str, object]]) -> None:
        """Write rows of natural values (the key's columns among them) as whoever fills the store would. A value that
        is absent is left out. Makes the table where the store has such a thing."""

    def furnish(self) -> None:
        self.product = view("routes", {"origin": "string", "dest": "string"}, {"flights": "bigint", "note": "string"})
        self.keys = [("EWR", "IAH"), ("JFK", "MIA")]
        self.columns = ["flights", "note"]
        self.rows = [
            {"origin": "EWR", "dest": "IAH", "flights": 3973, "note": "busy"},
            {"origin": "JFK", "dest": "MIA", "flights": 3314, "note": "sunny"},
        ]
        self.put(self.product, self.rows)


class Features(Faults):
    """What a feature store must do besides."""

    async def find(
        self, house: FeatureHouse, product: Product, keys: Sequence[Key], columns: Sequence[str]
    ) -> list[Row | None]:
        async with self.opened(house) as backend:
            return await backend.find(product, keys, columns, soon())

    async def test_rows_stand_in_the_order_of_the_keys(self, house: FeatureHouse) -> None:
        product = view("ordered", {"id": "integer"}, {"v": "integer"})
        house.put(product, [{"id": n, "v": n * n} for n in range(20)])
        keys = [(n,) for n in (7, 3, 19, 0, 11, 4)]
        rows = await self.find(house, product, keys, ["v"])
        assert rows == [{"id": n, "v": n * n} for (n,) in keys]

    async def test_a_missing_entity_is_none_and_the_others_stand(self, house: FeatureHouse) -> None:
        keys = [("EWR", "XXX"), house.keys[0], ("", ""), ("MIA", "JFK"), house.keys[1]]
        rows = await self.find(house, house.product, keys, house.columns)
        assert rows == [None, house.rows[0], None, None, house.rows[1]]

    async def test_one_missing_entity(self, house: FeatureHouse) -> None:
        assert await self.find(house, house.product, [("EWR", "XXX")], house.columns) == [None]

    async def test_a_key_with_null_is_no_entity(self, house: FeatureHouse) -> None:
        """Not the one whose name is spelt None, either."""
        house.put(house.product, [{"origin": "None", "dest": "IAH", "flights": 1, "note": "trap"}])
        keys = [(None, "IAH"), house.keys[0]]
        assert await self.find(house, house.product, keys, house.columns) == [None, house.rows[0]]
        assert await self.find(house, house.product, keys[:1], house.columns) == [None]

    @pytest.mark.parametrize("case", cases("keys"), ids=lambda case: str(case["name"]))
    async def test_entities_are_not_taken_for_one_another(self, house: FeatureHouse, case: dict[str, object]) -> None:
        types: dict[str, str] = case["key"]  # type: ignore[assignment]
        spelt: list[list[object]] = case["keys"]  # type: ignore[assignment]
        product = view("entities", types, {"v": "integer"})
        keys = [tuple(self.typed(value, types[name]) for name, value in zip(types, key, strict=True)) for key in spelt]
        house.put(product, [{**dict(zip(types, key, strict=True)), "v": at} for at, key in enumerate(keys)])
        rows = await self.find(house, product, keys, ["v"])
        assert [row and row["v"] for row in rows] == list(range(len(keys)))

    @staticmethod
    def typed(value: object, spelt: str) -> object:
        return natural(value, parse_type(spelt))

    @pytest.mark.parametrize("case", cases("values"), ids=lambda case: str(case["type"]))
    async def test_values_come_out_as_they_went_in(self, house: FeatureHouse, case: dict[str, object]) -> None:
        spelt: list[str] = case["values"]  # type: ignore[assignment]
        values = [natural(text, parse_type(str(case["type"]))) for text in spelt]
        product = view("typed", {"id": "integer"}, {"v": str(case["type"])})
        house.put(product, [{"id": at, "v": value} for at, value in enumerate(values)])
        rows = await self.find(house, product, [(at,) for at in range(len(values))], ["v"])
        assert [row and row["v"] for row in rows] == values
        assert [row and type(row["v"]) for row in rows] == [type(value) for value in values]

    async def test_a_column_that_one_entity_lacks(self, house: FeatureHouse) -> None:
        product = view("gaps", {"id": "integer"}, {"a": "integer", "b": "string"})
        house.put(product, [{"id": 1, "a": 1, "b": "x"}, {"id": 2, "b": "y"}, {"id": 3, "a": 3}])
        rows = await self.find(house, product, [(1,), (2,), (3,)], ["a", "b"])
        assert rows == [{"id": 1, "a": 1, "b": "x"}, {"id": 2, "a": None, "b": "y"}, {"id": 3, "a": 3, "b": None}]

    async def test_an_entity_without_any_wanted_column_is_there(self, house: FeatureHouse) -> None:
        product = view("bare", {"id": "integer"}, {"a": "integer", "b": "string"})
        house.put(product, [{"id": 1, "b": "x"}])
        assert await self.find(house, product, [(1,), (2,)], ["a"]) == [{"id": 1, "a": None}, None]

    async def test_only_the_key_is_wanted(self, house: FeatureHouse) -> None:
        keys = [*house.keys, ("EWR", "XXX")]
        rows = await self.find(house, house.product, keys, ["dest"])
        assert rows == [{"origin": "EWR", "dest": "IAH"}, {"origin": "JFK", "dest": "MIA"}, None]

    async def test_only_what_is_wanted_is_asked_for(self, house: FeatureHouse) -> None:
        rows = await self.find(house, house.product, house.keys, ["note"])
        assert [set(row or ()) for row in rows] == [{"origin", "dest", "note"}] * 2
        assert b"Note-v1" in house.wire.sent
        assert b"Flights-v1" not in house.wire.sent

    async def test_a_full_batch_is_one_trip(self, house: FeatureHouse) -> None:
        product = view("full", {"id": "integer"}, {"v": "integer"})
        async with self.opened(house, batch=house.most) as backend:
            assert backend.batch(product) == house.most
            house.put(product, [{"id": n, "v": -n} for n in range(house.most)])
            keys = [(n,) for n in range(house.most)]
            await backend.find(product, keys[:1], ["v"], soon())
            house.wire.count()
            rows = await backend.find(product, keys, ["v"], soon())
            assert [row and row["v"] for row in rows] == [-n for n in range(house.most)]
            assert house.wire.trips == 1

    @pytest.mark.parametrize("batch", [0, -1, 1_000_000, "100", True, 1.5])
    def test_a_batch_that_is_none(self, house: FeatureHouse, batch: object) -> None:
        with pytest.raises(ValueError, match=r"option 'batch' is a whole number from 1 to "):
            house.opened(batch=batch)

    async def test_missing_and_present_cost_the_same(self, house: FeatureHouse) -> None:
        """An entity that is not there, and one that is: as many trips."""
        async with self.opened(house) as backend:
            await self.right(house, backend)
            counted = []
            for keys in (house.keys, [("EWR", "XXX"), ("XXX", "MIA")], house.keys[:1], [("EWR", "XXX")]):
                house.wire.count()
                await backend.find(house.product, keys, house.columns, soon())
                counted.append(house.wire.trips)
            assert counted == [1, 1, 1, 1]
