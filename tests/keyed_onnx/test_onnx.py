"""Models of a folder, scored in this process: files, deadlines, the example's model as the plain runtime scores it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy
import onnxruntime
import pytest

from resolvers.backends.keyed.keyed import Key, Row
from resolvers.backends.keyed.onnx import Onnx
from resolvers.backends.keyed.registry import open_keyed
from resolvers.backends.places import Places
from schema.catalog import Product, Source
from schema.errors import Refusal
from tests.keyed_onnx import write
from tests.keyed_onnx.place import PLACE, call, opened, product, score

FLIGHTS = Path(__file__).resolve().parents[2] / "examples" / "flights"
SAMPLE = json.loads((FLIGHTS / "models" / "delay_risk.sample.json").read_text(encoding="utf-8"))
CARD = json.loads((FLIGHTS / "models" / "delay_risk.json").read_text(encoding="utf-8"))
INPUTS = {
    "distance": "integer",
    "hour": "integer",
    "day_of_week": "integer",
    "carrier": "string",
    "route_mean_delay": "float?",
    "route_late_share": "float?",
    "plane_age": "integer?",
}
DELAY_RISK = product(
    "delay_risk", INPUTS, {"probability": "float", "label": "string"}, {"sha256": CARD["sha256"]}, batch=500
)
X = product("x", {"x": "float"}, {"y": "float"})


def times(factor: float) -> bytes:
    return write.model(
        [write.node("Mul", "x factor", "y")],
        [write.put("x", write.FLOAT, "n", 1)],
        [write.put("y", write.FLOAT, "n", 1)],
        write.floats("factor", [1], [factor]),
    )


def flights(count: int) -> list[Key]:
    """Inputs that differ, some of them null."""
    draw = numpy.random.default_rng(4)
    return [
        (
            int(draw.integers(80, 5000)),
            int(draw.integers(0, 24)),
            int(draw.integers(1, 8)),
            str(draw.choice(["UA", "B6", "EV", "no such"])),
            None if draw.random() < 0.2 else float(draw.normal(7, 20)),
            None if draw.random() < 0.2 else float(draw.random()),
            None if draw.random() < 0.2 else int(draw.integers(0, 60)),
        )
        for _ in range(count)
    ]


def plainly(keys: list[Key]) -> list[tuple[float, str]]:
    """What onnxruntime itself says of all keys at once. With one thread: more add up in an order that depends on how
    many rows there are."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        FLIGHTS / "models" / "delay_risk.onnx", options, providers=["CPUExecutionProvider"]
    )
    elements = {"tensor(int64)": numpy.int64, "tensor(float)": numpy.float32, "tensor(string)": numpy.object_}
    feed = {}
    for at, put in enumerate(session.get_inputs()):
        values = [math.nan if key[at] is None else key[at] for key in keys]
        feed[put.name] = numpy.array(values, dtype=elements[put.type]).reshape(-1, 1)
    probability, label = session.run(["probability", "label"], feed)
    return list(zip(probability[:, 0].tolist(), label[:, 0].tolist(), strict=True))


def outputs(rows: list[Row | None]) -> list[object]:
    return [row and (row["probability"], row["label"]) for row in rows]


@pytest.fixture
async def example() -> Onnx:
    return opened(FLIGHTS, workers=4)


async def test_the_examples_model_scores_its_sample(example: Onnx) -> None:
    keys = [tuple(_plain(name, case["inputs"][name]) for name in INPUTS) for case in SAMPLE]
    rows = await score(example, DELAY_RISK, keys)
    await example.close()
    for row, key, case in zip(rows, keys, SAMPLE, strict=True):
        assert row is not None
        assert row["probability"] == pytest.approx(case["outputs"]["probability"], abs=2e-6)
        assert {**row, "probability": None} == {
            **dict(zip(INPUTS, key, strict=True)),
            "probability": None,
            "label": case["outputs"]["label"],
        }


def _plain(name: str, value: object) -> object:
    return int(value) if isinstance(value, float) and INPUTS[name].startswith("integer") else value


async def test_values_are_the_plain_runtimes_whatever_the_batch(example: Onnx) -> None:
    """To the last bit, so that a scoring that was kept is the one that would be made again."""
    keys = flights(500)
    expected = plainly(keys)
    together = outputs(await score(example, DELAY_RISK, keys))
    alone = [outputs(await score(example, DELAY_RISK, [key]))[0] for key in keys[:100]]
    await example.close()
    assert together == expected
    assert alone == expected[:100]
    assert len({probability for probability, _ in expected}) > 100


@pytest.mark.parametrize("wanted", [(), ("label",)])
async def test_a_row_holds_all_outputs_whatever_is_wanted(example: Onnx, wanted: tuple[str, ...]) -> None:
    keys = flights(3)
    rows = await example.find(DELAY_RISK, keys, wanted, call())
    await example.close()
    assert outputs(rows) == plainly(keys)


async def test_calls_at_once_do_not_mix(example: Onnx) -> None:
    keys = flights(400)
    parts = [keys[at : at + 10] for at in range(0, 400, 10)]
    answers = await asyncio.gather(*(score(example, DELAY_RISK, part) for part in parts))
    await example.close()
    assert [found for rows in answers for found in outputs(rows)] == plainly(keys)


async def test_the_batch_is_the_models_else_the_sources(models: Path) -> None:
    assert opened(models.parent, batch=64).batch(DELAY_RISK) == 500
    assert opened(models.parent, batch=64).batch(X) == 64
    assert opened(models.parent).batch(X) == 1000


async def test_a_file_that_is_not_there_is_down_until_it_is(
    back: Onnx, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Refusal) as refused:
        await score(back, X, [(1.0,)])
    assert refused.value.code == "CH501"
    assert caplog.messages == ["source scorer is down: Unfit: there is no model file x.onnx"]
    (models / "x.onnx").write_bytes(times(2.0))
    assert await score(back, X, [(1.0,)]) == [{"x": 1.0, "y": 2.0}]


async def test_a_file_in_anothers_place_is_read_again(back: Onnx, models: Path) -> None:
    (models / "x.onnx").write_bytes(times(2.0))
    assert await score(back, X, [(1.0,)]) == [{"x": 1.0, "y": 2.0}]
    (models / "new").write_bytes(times(3.0))
    os.replace(models / "new", models / "x.onnx")
    assert await score(back, X, [(1.0,)]) == [{"x": 1.0, "y": 3.0}]


async def test_another_catalog_sees_the_same_file_its_own_way(back: Onnx, models: Path) -> None:
    (models / "x.onnx").write_bytes(times(2.0))
    assert await score(back, X, [(1.0,)]) == [{"x": 1.0, "y": 2.0}]
    later = product("x", {"input = x": "float"}, {"output = y": "float"})
    assert await score(back, later, [(1.0,)]) == [{"input": 1.0, "output": 2.0}]


BROKEN = {
    "no model": b"this is no model",
    "nothing": b"",
    "cut short": (FLIGHTS / "models" / "delay_risk.onnx").read_bytes()[:30_000],
    "an operator nobody knows": write.model(
        [write.node("Exfiltrate", "x", "y")], [write.put("x", write.FLOAT, "n", 1)],
        [write.put("y", write.FLOAT, "n", 1)],
    ),
    "values in another file": write.model(
        [write.node("Mul", "x factor", "y")], [write.put("x", write.FLOAT, "n", 1)],
        [write.put("y", write.FLOAT, "n", 1)], write.beside("factor", [1], "factor.bin"),
    ),
    "values in a file elsewhere": write.model(
        [write.node("Mul", "x factor", "y")], [write.put("x", write.FLOAT, "n", 1)],
        [write.put("y", write.FLOAT, "n", 1)], write.beside("factor", [1], "../secret.bin"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_broken_file_fails_and_says_so(
    back: Onnx, models: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], broken: str
) -> None:
    for file in (models / "factor.bin", models.parent / "secret.bin"):
        file.write_bytes(b"\0\0\0\0")
    (models / "x.onnx").write_bytes(BROKEN[broken])
    with pytest.raises(Refusal) as refused:
        await score(back, X, [(1.0,)])
    assert refused.value.code == "CH502"
    (said,) = caplog.messages
    assert said.startswith("source scorer failed a statement: Unfit: model x: onnxruntime cannot read the file: ")
    assert capfd.readouterr() == ("", "")
    (models / "x.onnx").unlink()
    (models / "x.onnx").write_bytes(times(2.0))
    assert await score(back, X, [(1.0,)]) == [{"x": 1.0, "y": 2.0}]


async def test_only_the_declared_file_is_used(back: Onnx, models: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = times(2.0)
    (models / "x.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    declared = product("x", {"x": "float"}, {"y": "float"}, {"sha256": digest.upper()})
    assert await score(back, declared, [(1.0,)]) == [{"x": 1.0, "y": 2.0}]
    for wrong in ("0" * 64, "", 7):
        with pytest.raises(Refusal) as refused:
            await score(back, product("x", {"x": "float"}, {"y": "float"}, {"sha256": wrong}), [(1.0,)])
        assert refused.value.code == "CH502"
    os.replace(models / "x.onnx", models / "old.onnx")
    (models / "x.onnx").write_bytes(times(3.0))
    with pytest.raises(Refusal):
        await score(back, declared, [(1.0,)])
    reason = "model x: the file is not the one whose sha256 the catalog declares"
    assert caplog.messages == [f"source scorer failed a statement: Unfit: {reason}"] * 4


@pytest.mark.parametrize("name", ["../x", "/etc/x", "deep/x", "..", ".x", "x/../x"])
async def test_a_model_is_a_file_of_the_folder(back: Onnx, models: Path, name: str) -> None:
    for file in (models.parent / "x.onnx", models / "x.onnx", models / "deep" / "x.onnx", models / ".x.onnx"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(times(2.0))
    with pytest.raises(Refusal) as refused:
        await score(back, product(name, {"x": "float"}, {"y": "float"}), [(1.0,)])
    assert refused.value.code == "CH502"


def slow_steps(count: int) -> bytes:
    """Products of large matrices, of a tenth of a second each or more."""
    return write.model(
        [
            write.node("Expand", "x size", "m0"),
            *(write.node("MatMul", f"m{at} m{at}", f"m{at + 1}") for at in range(count)),
            write.node("ReduceMean", f"m{count}", "y", keepdims=1),
        ],
        [write.put("x", write.FLOAT, "n", 1)],
        [write.put("y", write.FLOAT, "n", 1)],
        write.wholes("size", [1500, 1500]),
    )


@pytest.fixture
async def one_at_a_time(models: Path) -> Onnx:
    """A model that takes a minute, and one worker."""
    (models / "slow.onnx").write_bytes(slow_steps(600))
    (models / "x.onnx").write_bytes(times(2.0))
    return opened(models.parent, workers=1)


async def test_the_deadline_ends_the_scoring(one_at_a_time: Onnx) -> None:
    """The next call gets the only worker, which it would wait a minute for if the scoring went on."""
    slow = product("slow", {"x": "float"}, {"y": "float"})
    with pytest.raises(Refusal) as refused:
        await one_at_a_time.find(slow, [(0.0,)], ["y"], call(0.3))
    assert refused.value.code == "CH503"
    assert await one_at_a_time.find(X, [(1.0,)], ["y"], call(20)) == [{"x": 1.0, "y": 2.0}]
    await one_at_a_time.close()


async def test_whoever_leaves_ends_the_scoring(one_at_a_time: Onnx) -> None:
    slow = product("slow", {"x": "float"}, {"y": "float"})
    asking = asyncio.create_task(one_at_a_time.find(slow, [(0.0,)], ["y"], call()))
    await asyncio.sleep(0.3)
    next_one = asyncio.create_task(one_at_a_time.find(X, [(1.0,)], ["y"], call(20)))
    await asyncio.sleep(0)
    assert one_at_a_time.places() == [Places("threads", 1, 1, 1)]
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await next_one == [{"x": 1.0, "y": 2.0}]
    assert one_at_a_time.places() == [Places("threads", 0, 1, 0)]
    await one_at_a_time.close()


async def test_one_that_is_ended_ends_no_other(models: Path) -> None:
    """Two calls of one session: the deadline of the first is not the second's, which has its answer."""
    (models / "slow.onnx").write_bytes(slow_steps(12))
    back = opened(models.parent, workers=2)
    slow = product("slow", {"x": "float"}, {"y": "float"})
    await back.find(slow, [(None,)], ["y"], call())  # reads the file, scores nothing
    first, second = await asyncio.gather(
        back.find(slow, [(0.0,)], ["y"], call(0.05)),
        back.find(slow, [(0.0,)], ["y"], call(60)),
        return_exceptions=True,
    )
    await back.close()
    assert isinstance(first, Refusal)
    assert first.code == "CH503"
    assert second == [{"x": 0.0, "y": 0.0}]


async def test_a_deadline_that_has_passed(back: Onnx, models: Path) -> None:
    (models / "x.onnx").write_bytes(times(2.0))
    with pytest.raises(Refusal) as refused:
        await back.find(X, [(1.0,)], ["y"], call(0))
    assert refused.value.code == "CH503"


async def test_the_check_asks_for_the_folder(back: Onnx, models: Path) -> None:
    await back.check()
    models.rmdir()
    with pytest.raises(Refusal) as refused:
        await back.check()
    assert refused.value.code == "CH501"


@pytest.mark.parametrize(
    ("url", "options", "sentence"),
    [
        ("", {}, "an onnx source has a folder"),
        ("https://models.example/x", {}, "an onnx source has a folder"),
        ("models/x.onnx", {}, "names a folder of .onnx files, not a file"),
        ("models/", {"threads": 2}, "an onnx source has no option 'threads'"),
        ("models/", {"workers": 0}, "option 'workers' is a whole number from 1"),
        ("models/", {"intra_op_threads": True}, "option 'intra_op_threads' is a whole number from 1"),
        ("models/", {"batch": "many"}, "option 'batch' is a whole number from 1"),
    ],
)
def test_what_has_no_meaning_is_refused_at_once(
    models: Path, url: str, options: dict[str, object], sentence: str
) -> None:
    (models / "x.onnx").write_bytes(times(2.0))
    with pytest.raises(ValueError, match=sentence):
        open_keyed(Source("scorer", "onnx", url, PLACE, options=options), url, models.parent)


async def test_a_product_that_is_no_model_is_refused(back: Onnx) -> None:
    bare = Product(
        id="ml.bare", domain="ml", name="bare", source="scorer", key=("x",), columns=X.columns, relationships={},
        place=PLACE, type_name="Bare", singular="bare", plural="bares", physical=("bare",),
    )  # fmt: skip
    with pytest.raises(Refusal) as refused:
        await back.find(bare, [(1.0,)], ["y"], call())
    assert refused.value.code == "CH502"


def test_nothing_is_imported_before_a_source_needs_it() -> None:
    asked = "import sys, resolvers.backends.keyed.registry; print('onnxruntime' in sys.modules, 'numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
