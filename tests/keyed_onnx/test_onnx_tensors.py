"""Columns become tensors and tensors become values: tiny models that give back what they got."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from resolvers.backends.keyed.onnx import Onnx
from schema.errors import Refusal
from tests.keyed_onnx import write
from tests.keyed_onnx.place import Columns, call, product, score


def echo(element: int, *shape: write.Dim) -> bytes:
    """Gives x back as y."""
    y = write.put("y", element, *shape)
    return write.model([write.node("Identity", "x", "y")], [write.put("x", element, *shape)], [y])


X: Columns = {"x": "float"}
Y: Columns = {"y": "float"}
FLOATS: Columns = {"a": "float", "b": "float"}
LABEL: Columns = {"label": "string"}
WIDE: dict[str, object] = {"tensor": "x"}
"""One tensor of all inputs."""
CLASSIFIER = write.model(
    [
        write.node(
            "LinearClassifier", "x", "label scores", "ai.onnx.ml", coefficients=[1.0, 0.0, 0.0, 1.0],
            intercepts=[0.0, 0.0], classlabels_strings=["no", "yes"], multi_class=0, post_transform="NONE",
        ),
        write.node("ZipMap", "scores", "by_class", "ai.onnx.ml", classlabels_strings=["no", "yes"]),
    ],
    [write.put("x", write.FLOAT, "n", 2)],
    [write.put("label", write.STRING, "n"), write.put("scores", write.FLOAT, "n", 2), write.maps("by_class")],
)  # fmt: skip


@pytest.mark.parametrize(
    ("element", "type_", "values"),
    [
        (write.FLOAT, "float", [0.5, -2.0, math.inf]),
        (write.DOUBLE, "float", [0.1, 1e300]),
        (write.FLOAT16, "float", [0.5]),
        (write.DOUBLE, "decimal(8,2)", [Decimal("12.50")]),
        (write.INT64, "bigint", [2**62, -1]),
        (write.INT32, "integer", [2**31 - 1, -5]),
        (write.INT8, "integer", [127]),
        (write.BOOL, "boolean", [True, False]),
        (write.STRING, "string", ["JFK", "", "Zoë 'x'"]),
        (write.FLOAT, "integer", [7]),
        (write.FLOAT, "boolean", [True]),
        (write.STRING, "date", [date(2013, 12, 1)]),
    ],
)
@pytest.mark.parametrize("shape", [("n",), ("n", 1), ("n", "k")], ids=["flat", "column", "free"])
async def test_values_go_and_come_back(
    back: Onnx, models: Path, element: int, type_: str, values: list[object], shape: tuple[write.Dim, ...]
) -> None:
    (models / "echo.onnx").write_bytes(echo(element, *shape))
    rows = await score(back, product("echo", {"x": type_}, {"y": type_}), [(value,) for value in values])
    assert rows == [{"x": value, "y": value} for value in values]


@pytest.mark.parametrize(
    ("element", "type_", "null"),
    [(write.FLOAT, "float?", None), (write.DOUBLE, "integer?", None), (write.STRING, "string?", "")],
)
async def test_null_is_nan_or_the_empty_text(back: Onnx, models: Path, element: int, type_: str, null: object) -> None:
    (models / "echo.onnx").write_bytes(echo(element, "n", 1))
    assert await score(back, product("echo", {"x": type_}, {"y": type_[:-1]}), [(None,)]) == [{"x": None, "y": null}]


async def test_nan_is_null(back: Onnx, models: Path) -> None:
    """An input that is not nullable and null gives no scoring; the others of the call have theirs."""
    (models / "echo.onnx").write_bytes(echo(write.FLOAT, "n", 1))
    strict = product("echo", {"x": "float"}, {"y": "float"})
    assert await score(back, strict, [(math.nan,), (1.0,), (None,)]) == [None, {"x": 1.0, "y": 1.0}, None]
    assert await score(back, strict, [(None,)]) == [None]
    lenient = product("echo", {"x": "float?"}, {"y": "float"})
    (row,) = await score(back, lenient, [(math.nan,)])
    assert row is not None
    assert row["y"] is None


async def test_too_large_for_floats_is_infinite(back: Onnx, models: Path) -> None:
    (models / "echo.onnx").write_bytes(echo(write.FLOAT, "n", 1))
    echoed = product("echo", {"x": "float"}, {"y": "float"})
    assert await score(back, echoed, [(1e300,)]) == [{"x": 1e300, "y": math.inf}]


async def test_inputs_are_found_by_their_names_in_the_file(back: Onnx, models: Path) -> None:
    """The catalog's order is that of the keys; the file has another one, and other names."""
    (models / "less.onnx").write_bytes(
        write.model(
            [write.node("Sub", "minuend subtrahend", "rest")],
            [write.put("subtrahend", write.FLOAT, "n", 1), write.put("minuend", write.FLOAT, "n", 1)],
            [write.put("rest", write.FLOAT, "n", 1)],
        )
    )
    named = product("less", {"have = minuend": "float", "take = subtrahend": "float"}, {"left = rest": "float"})
    assert await score(back, named, [(5.0, 3.0)]) == [{"have": 5.0, "take": 3.0, "left": 2.0}]


async def test_one_tensor_for_all_inputs(back: Onnx, models: Path) -> None:
    """Three columns of three types, row by row: weights 1, 10 and 100 show which is where."""
    weights = write.floats("weights", [3, 2], [1.0, 0.0, 10.0, 0.0, 100.0, 1.0])
    (models / "dense.onnx").write_bytes(
        write.model(
            [write.node("MatMul", "features weights", "scores")],
            [write.put("features", write.FLOAT, "n", 3)],
            [write.put("scores", write.FLOAT, "n", 2)],
            weights,
        )
    )
    outputs = {"sum = scores[0]": "float", "third = scores[1]": "float", "all = scores": "array<float>"}
    inputs = {"a": "integer", "b": "boolean", "c": "decimal(3,1)"}
    dense = product("dense", inputs, outputs, {"tensor": "features"})
    rows = await score(back, dense, [(1, True, Decimal("0.5")), (2, False, Decimal("3"))])
    assert [row and (row["sum"], row["third"], row["all"]) for row in rows] == [
        (61.0, 0.5, [61.0, 0.5]),
        (302.0, 3.0, [302.0, 3.0]),
    ]


async def test_a_classifiers_outputs(back: Onnx, models: Path) -> None:
    (models / "pick.onnx").write_bytes(CLASSIFIER)
    outputs = {
        "label": "string",
        "of_array = scores[1]": "float",
        "of_map = by_class[yes]": "float",
        "map = by_class": "json",
    }
    pick = product("pick", {"a": "float", "b": "float"}, outputs, {"tensor": "x"})
    first, second = await score(back, pick, [(1.0, 2.0), (3.0, 0.5)])
    assert first == {
        "a": 1.0,
        "b": 2.0,
        "label": "yes",
        "of_array": 2.0,
        "of_map": 2.0,
        "map": {"no": 1.0, "yes": 2.0},
    }
    assert second is not None
    assert (second["label"], second["of_map"]) == ("no", 0.5)


async def test_a_row_holds_all_outputs_whatever_is_wanted(back: Onnx, models: Path) -> None:
    """Scorings are kept by their inputs alone, so that one for a label must do for a probability."""
    (models / "pick.onnx").write_bytes(CLASSIFIER)
    pick = product("pick", FLOATS, {"label": "string", "p = scores[1]": "float"}, WIDE)
    for wanted in (["a", "p"], ["label"], []):
        assert await back.find(pick, [(1.0, 2.0)], wanted, call()) == [{"a": 1.0, "b": 2.0, "label": "yes", "p": 2.0}]


COLUMN = echo(write.FLOAT, "n", 1)
NOT_ONE = "input x is not one value for each of any number of rows"
NO_ELEMENT = "output p asks for an element that is not there"
CASES: dict[str, tuple[bytes, Columns, Columns, dict[str, object], str]] = {
    "no such input": (COLUMN, {"z": "float"}, Y, {}, "the file has no input z"),
    "no such output": (COLUMN, X, {"z": "float"}, {}, "the file has no output z"),
    "no such output to pick from": (COLUMN, X, {"z = w[1]": "float"}, {}, "the file has no output w"),
    "an input that nothing fills": (CLASSIFIER, {}, LABEL, {}, "the catalog has no input for x"),
    "text for numbers": (
        COLUMN, {"x": "string"}, Y, {}, "input x of the type string is a tensor of float in the file"),
    "numbers for text": (
        echo(write.STRING, "n"), {"x": "integer"}, Y, {},
        "input x of the type integer is a tensor of string in the file"),
    "fractions for whole numbers": (
        echo(write.INT64, "n"), X, Y, {}, "input x of the type float is a tensor of int64 in the file"),
    "null for whole numbers": (
        echo(write.INT64, "n"), {"x": "integer?"}, Y, {}, "input x may be null, and a tensor of int64 has no null"),
    "a fixed number of rows": (echo(write.FLOAT, 4, 1), X, Y, {}, NOT_ONE),
    "a wide input as a column": (echo(write.FLOAT, "n", 2), X, Y, {}, NOT_ONE),
    "three dimensions": (echo(write.FLOAT, "n", 1, 1), X, Y, {}, NOT_ONE),
    "the wrong width": (
        CLASSIFIER, {**FLOATS, "c": "float"}, LABEL, WIDE, "input x is not as wide as the catalog has inputs"),
    "no such tensor": (
        CLASSIFIER, FLOATS, LABEL, {"tensor": "y"}, "the file has no input named as the option tensor says"),
    "text in one tensor": (
        CLASSIFIER, {"a": "float", "b": "string"}, LABEL, WIDE,
        "input b is no number, which one tensor for all inputs needs"),
    "an option that is none": (COLUMN, X, Y, {"shape": "[n]"},
        "a model of an onnx source has no option shape; there are sha256, tensor"),
    "an element that is not there": (CLASSIFIER, FLOATS, {"p = scores[2]": "float"}, WIDE, NO_ELEMENT),
    "a class that is not there": (CLASSIFIER, FLOATS, {"p = by_class[maybe]": "float"}, WIDE, NO_ELEMENT),
    "an output of another type": (
        CLASSIFIER, FLOATS, {"label": "float"}, WIDE, "output label is not of the type float"),
    "a wide output as one value": (
        CLASSIFIER, FLOATS, {"scores": "float"}, WIDE, "output scores is not of the type float"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_what_does_not_fit_is_refused_and_told_in_the_log(
    back: Onnx, models: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    file, inputs, outputs, options, reason = CASES[name]
    (models / "m.onnx").write_bytes(file)
    values = {"float": 1.0, "string": "a", "integer": 1, "integer?": 1}
    key = tuple(values[type_] for type_ in inputs.values())
    with pytest.raises(Refusal) as refused:
        await score(back, product("m", inputs, outputs, options), [key])
    assert refused.value.code == "CH502"
    assert caplog.messages == [f"source scorer failed a statement: Unfit: {_where(reason)}{reason}"]


def _where(reason: str) -> str:
    """Which model it is stands before what is wrong with its signature."""
    return "" if reason.startswith(("output", "a model")) else "model m: "


async def test_a_number_too_large_fails_the_call_without_being_told(
    back: Onnx, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (models / "echo.onnx").write_bytes(echo(write.INT8, "n"))
    with pytest.raises(Refusal) as refused:
        await score(back, product("echo", {"x": "integer"}, {"y": "integer"}), [(4711,)])
    assert refused.value.code == "CH502"
    assert "4711" not in caplog.text + str(refused.value)
