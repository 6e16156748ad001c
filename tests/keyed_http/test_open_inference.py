"""Open Inference Protocol v2: what is written for each type and option, and how tensors are read.

The stand-in proves our client; `test_real_mlserver.py` asks a real server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import orjson
import pytest

from schema.catalog import Product
from schema.errors import Refusal
from tests.keyed_http.products import call, column, model, opened
from tests.keyed_http.stand_in import Reply, StandIn, said, standing_in

Y = column("y", "float")


def tensors(*outputs: Mapping[str, object]) -> object:
    return {"model_name": "m", "model_version": "1", "outputs": list(outputs)}


def tensor(name: str, shape: list[object], data: object) -> Mapping[str, object]:
    return {"name": name, "datatype": "FP64", "shape": shape, "parameters": {"content_type": "np"}, "data": data}


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    async with standing_in(lambda request: said(tensors(tensor("y", [2, 1], [0.5, 0.25])))) as server:
        yield server


async def sent(
    server: StandIn, product: Product, keys: list[tuple[object, ...]], **options: object
) -> dict[str, object]:
    """The body of the call that scores these keys."""
    backend = opened("open_inference", server.url, **options)
    assert await backend.find(product, keys, ("y",), call()) == [{"y": 0.5}, {"y": 0.25}]
    await backend.close()
    body = server.requests[-1].json()
    assert isinstance(body, dict)
    return body


MOMENT = datetime(2013, 1, 31, 23, 59, 59, tzinfo=UTC)
TYPES = [
    ("float", 1.5, "FP64", 1.5),
    ("decimal(12,2)", Decimal("12.50"), "FP64", 12.5),
    ("integer", 7, "INT32", 7),
    ("bigint", -(2**63), "INT64", -(2**63)),
    ("boolean", True, "BOOL", True),
    ("string", "Zoë \u0000 \"'", "BYTES", "Zoë \u0000 \"'"),
    ("date", date(2013, 1, 31), "BYTES", "2013-01-31"),
    ("timestamp", MOMENT, "BYTES", "2013-01-31T23:59:59Z"),
    ("uuid", UUID(int=5), "BYTES", "00000000-0000-0000-0000-000000000005"),
]


@pytest.mark.parametrize(("type_", "value", "datatype", "data"), TYPES)
async def test_a_tensor_for_each_input(server: StandIn, type_: str, value: object, datatype: str, data: object) -> None:
    product = model([column("one", type_, "One"), column("two", "float")], [Y])
    body = await sent(server, product, [(value, 1.0), (value, 2.0)])
    assert body == {
        "inputs": [
            {"name": "One", "datatype": datatype, "shape": [2], "data": [data, data]},
            {"name": "two", "datatype": "FP64", "shape": [2], "data": [1.0, 2.0]},
        ],
        "outputs": [{"name": "y"}],
    }


async def test_options(server: StandIn) -> None:
    product = model([column("a", "float")], [Y], options={"shape": "[n,1]", "name_outputs": False}, name="a/b c")
    body = await sent(
        server, product, [(1.0,), (2.0,)], floats="FP32", parameters={"content_type": "pd"}, pin_version=True
    )
    assert body == {
        "inputs": [{"name": "a", "datatype": "FP32", "shape": [2, 1], "data": [1.0, 2.0]}],
        "parameters": {"content_type": "pd"},
    }
    assert server.requests[-1].path == "/v2/models/a%2Fb%20c/versions/1/infer"


async def test_one_tensor_for_all_inputs(server: StandIn) -> None:
    product = model(
        [column("a", "float"), column("b", "integer"), column("c", "boolean")], [Y], nullable=frozenset({"a", "b"})
    )
    body = await sent(server, product, [(1.5, 2, True), (None, None, False)], tensor="input-0")
    data = [1.5, 2.0, 1.0, None, None, 0.0]
    assert body["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": [2, 3], "data": data}]


async def test_null_as_nan(server: StandIn) -> None:
    """Not JSON, but what Triton reads."""
    product = model([column("a", "float"), column("b", "string")], [Y], nullable=frozenset({"a", "b"}))
    backend = opened("open_inference", server.url, missing="nan")
    assert await backend.find(product, [(None, "x"), (2.0, "y")], ("y",), call()) == [{"y": 0.5}, {"y": 0.25}]
    assert b'"data": [NaN, 2.0]' in server.requests[-1].body
    with pytest.raises(Refusal) as caught:
        await backend.find(product, [(1.0, None), (2.0, "y")], ("y",), call())
    assert caught.value.code == "CH502"
    assert len(server.requests) == 1
    await backend.close()


async def test_null_as_null(server: StandIn) -> None:
    product = model([column("a", "float"), column("b", "string")], [Y], nullable=frozenset({"a", "b"}))
    body = await sent(server, product, [(None, "x"), (2.0, None)])
    assert [one["data"] for one in body["inputs"]] == [[None, 2.0], ["x", None]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("type_", "value", "options"), [
    ("array<float>", [1.0], {}),
    ("json", {"a": 1}, {}),
    ("string", "x", {"tensor": "input-0"}),
    ("string", "\ud800", {}),
])  # fmt: skip
async def test_inputs_that_no_tensor_holds(
    server: StandIn, type_: str, value: object, options: Mapping[str, object]
) -> None:
    backend = opened("open_inference", server.url, **options)
    with pytest.raises(Refusal) as caught:
        await backend.find(model([column("a", type_)], [Y]), [(value,)], ("y",), call())
    assert caught.value.code == "CH502"
    assert not server.requests
    await backend.close()


WIDE = model([column("x", "float")], [column("all_of_it", "array<float>", "p"), column("late", "float", "p[1]")])
READ = [
    ("flat", Y, tensor("y", [2], [1, 2.5]), [1.0, 2.5]),
    ("a column", Y, tensor("y", [2, 1], [1, 2.5]), [1.0, 2.5]),
    ("nested", Y, tensor("y", [2, 1], [[1], [2.5]]), [1.0, 2.5]),
    ("an element", column("y", "float", "p[1]"), tensor("p", [2, 2], [0.9, 0.1, 0.3, 0.7]), [0.1, 0.7]),
    ("wide", column("y", "array<float>", "p"), tensor("p", [2, 2], [0.9, 0.1, 0.3, 0.7]), [[0.9, 0.1], [0.3, 0.7]]),
    ("wide in three axes", column("y", "array<integer>"), tensor("y", [2, 1, 2], [1, 2, 3, 4]), [[1, 2], [3, 4]]),
    ("an array of one", column("y", "array<float>"), tensor("y", [2], [1, 2.5]), [[1.0], [2.5]]),
    ("whole floats", column("y", "integer"), tensor("y", [2], [3.0, 4]), [3, 4]),
    ("numbers as booleans", column("y", "boolean"), tensor("y", [2], [1, 0]), [True, False]),
    ("texts", column("y", "string"), tensor("y", [2, 1], ["late", ""]), ["late", ""]),
    ("nulls", Y, tensor("y", [2], [None, 1.5]), [None, 1.5]),
    ("an index in the name's middle", column("y", "float", "p[1]x"), tensor("p[1]x", [2], [1.0, 2.0]), [1.0, 2.0]),
]


@pytest.mark.parametrize(("name", "wanted", "found", "values"), READ, ids=[name for name, *_ in READ])
async def test_outputs(name: str, wanted: object, found: Mapping[str, object], values: list[object]) -> None:
    product = model([column("x", "float")], [wanted])  # type: ignore[list-item]
    async with standing_in(lambda request: said(tensors(tensor("other", [2], [7, 7]), found))) as server:
        backend = opened("open_inference", server.url)
        rows = await backend.find(product, [(1.0,), (2.0,)], ("y",), call())
        assert rows == [{"y": value} for value in values]
        await backend.close()


async def test_a_wide_output_is_asked_for_once() -> None:
    async with standing_in(lambda request: said(tensors(tensor("p", [1, 2], [0.9, 0.1])))) as server:
        backend = opened("open_inference", server.url)
        assert await backend.find(WIDE, [(1.0,)], ("late",), call()) == [{"all_of_it": [0.9, 0.1], "late": 0.1}]
        assert orjson.loads(server.requests[0].body)["outputs"] == [{"name": "p"}]
        await backend.close()


async def test_nan_is_a_null() -> None:
    """MLflow and others write NaN, which is no JSON; a null is what it means here."""
    async with standing_in(lambda request: said({})) as server:
        server.answer = lambda request: Reply(b'{"outputs": [{"name": "y", "shape": [2], "data": [NaN, 1.5]}]}')
        backend = opened("open_inference", server.url)
        for type_ in ("float", "decimal", "string"):
            product = model([column("x", "float")], [column("y", type_)])
            if type_ == "string":
                with pytest.raises(Refusal):
                    await backend.find(product, [(1.0,), (2.0,)], ("y",), call())
            else:
                rows = await backend.find(product, [(1.0,), (2.0,)], ("y",), call())
                assert rows[0] == {"y": None}
        await backend.close()


WRONG = [
    tensor("z", [2], [1.0, 2.0]),
    tensor("y", [2], [1.0]),
    tensor("y", [2], [1.0, 2.0, 3.0]),
    tensor("y", [3], [1.0, 2.0, 3.0]),
    tensor("y", [1, 2], [1.0, 2.0]),
    tensor("y", [], []),
    tensor("y", [-1], [1.0, 2.0]),
    tensor("y", [True, 2], [1.0, 2.0]),
    tensor("y", ["2"], [1.0, 2.0]),
    tensor("y", [2, 2], [1.0, 2.0, 3.0, 4.0]),
    tensor("y", [2, 0], []),
    tensor("y", [2], "ab"),
    tensor("y", [2], [{"a": 1}, 2]),
    tensor("y", [2], ["late", 2]),
    tensor("y", [2], [True, 2]),
    tensor("y", [2], [[1.0, 2.0], 3.0]),
    {"name": "y", "shape": [2], "parameters": {"binary_data_size": 16}},
    {"name": ["y"]},
]


@pytest.mark.parametrize("found", WRONG)
async def test_tensors_that_do_not_fit(found: Mapping[str, object]) -> None:
    async with standing_in(lambda request: said(tensors(found))) as server:
        backend = opened("open_inference", server.url)
        with pytest.raises(Refusal) as caught:
            await backend.find(model([column("x", "float")], [Y]), [(1.0,), (2.0,)], ("y",), call())
        assert caught.value.code == "CH502"
        await backend.close()


@pytest.mark.parametrize(("type_", "value"), [
    ("integer", 2**31), ("integer", 1.5), ("bigint", 1e300), ("timestamp", 1e300), ("date", "2013-02-30"),
    ("array<float>", ["a"]), ("struct<a: float>", 1.0),
])  # fmt: skip
async def test_values_of_another_type(type_: str, value: object) -> None:
    async with standing_in(lambda request: said(tensors(tensor("y", [1], [value])))) as server:
        backend = opened("open_inference", server.url)
        with pytest.raises(Refusal) as caught:
            await backend.find(model([column("x", "float")], [column("y", type_)]), [(1.0,)], ("y",), call())
        assert caught.value.code == "CH502"
        await backend.close()
