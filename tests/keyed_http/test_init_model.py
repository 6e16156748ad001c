"""`customhouse init --model`: what each kind of model says of itself, as an entry that loads.

Open Inference metadata come from a stand-in on a real socket, as MLServer 1.7 was seen to give them (and from MLServer
itself in `test_real_mlserver.py`); MLmodel files are as MLflow 3.17 writes them. ONNX is read by onnxruntime, whose
answers are given by hand here: the file itself is only read where onnxruntime is installed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from app.cli import main
from app.project import load_project
from app.steward.init import InitError
from app.steward.init_model import init_model
from app.steward.init_model_read import onnx, open_inference
from app.steward.init_model_signature import Signature
from app.steward.init_model_write import entry
from resolvers.backends.keyed.open_inference import Wire, request
from resolvers.backends.keyed.registry import open_keyed
from schema.catalog import Product
from schema.graphql import build
from tests.keyed_http.stand_in import Reply, Request, said, standing_in

MLSERVER = {"name": "mlserver", "version": "1.7.1", "extensions": []}


def put(name: str, datatype: str, *shape: int) -> Mapping[str, object]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


METADATA: Mapping[str, object] = {
    "name": "delay-risk",
    "versions": [],
    "platform": "",
    "inputs": [put("distance", "FP64", -1), put("CARRIER", "BYTES", -1), put("seats", "INT64", -1)],
    "outputs": [put("predict", "INT64", -1), put("predict_proba", "FP64", -1, 2), put("seats", "FP32", -1, 1)],
    "parameters": {},
}


def server(metadata: object, who: object = MLSERVER) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        if request.path == "/v2":
            return said(who) if who is not None else Reply(b"", 404)
        assert request.path.startswith("/v2/models/delay-risk")
        return said(metadata)

    return answer


async def test_a_first_project(tmp_path: Path) -> None:
    async with standing_in(server(METADATA)) as stand_in:
        made = await init_model(f"{stand_in.url}/v2/models/delay-risk", tmp_path)
    assert made.files == ("customhouse.yaml", "policies/policies.yaml", "personas.yaml", "catalog/ml.yaml")
    assert (made.id, made.source, made.left_out, made.variable) == ("ml.delay_risk", None, (), None)
    catalog = load_project(tmp_path).catalog
    assert build(catalog, "internal").sdl
    source, product = catalog.sources["scorer"], catalog.products["ml.delay_risk"]
    assert (source.kind, source.url) == ("open_inference", stand_in.url)
    assert product.physical == ("delay-risk",)
    assert product.model is not None
    assert product.model.inputs == ("distance", "carrier", "seats")
    assert {name: (str(one.type), one.physical) for name, one in product.columns.items()} == {
        "distance": ("float", "distance"),
        "carrier": ("string", "CARRIER"),
        "seats": ("bigint", "seats"),
        "predict": ("bigint", "predict"),
        "predict_proba": ("array<float>", "predict_proba"),
        "seats_2": ("float", "seats"),
    }
    assert product.model.options == {"parameters": {"content_type": "pd"}}
    text = (tmp_path / "catalog/ml.yaml").read_text()
    assert 'version: "1"  # REVIEW: nothing says which version it is' in text
    assert '# one element of it is an output of its own: {type: float, column: "predict_proba[1]"}' in text
    backend = open_keyed(source, source.url, tmp_path)  # what was written has a meaning for the back end
    await backend.close()


async def test_into_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file more, whatever stands there stays; the source is said, once it is there it is used."""
    async with standing_in(server({**METADATA, "versions": ["3", "4"]})) as stand_in:
        url = f"{stand_in.url}/v2/models/delay-risk"
        await init_model(url, tmp_path)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(InitError, match="CH246"):
            await init_model(url, tmp_path)
        made = await init_model(f"{url}/versions/3", tmp_path, "open_inference", "ops.late")
        assert made.files == ("catalog/ops_late.yaml",)
        assert {path: path.read_bytes() for path in before} == before
        catalog = load_project(tmp_path).catalog
        assert [catalog.products[id_].model.version for id_ in ("ml.delay_risk", "ops.late")] == ["4", "3"]  # type: ignore[union-attr]
        async with standing_in(server(METADATA)) as other:
            made = await init_model(f"{other.url}/v2/models/delay-risk", tmp_path, None, "ml.late")
            assert made.source == f'scorer_2: {{kind: open_inference, url: "{other.url}"}}'
            sources = "scorer_2: {kind: open_inference, url: x}\n  scorer:"
            settings = tmp_path / "customhouse.yaml"
            settings.write_text(settings.read_text().replace("scorer:", sources, 1))
    catalog = load_project(tmp_path).catalog
    assert build(catalog, "internal").sdl
    assert catalog.products["ml.late"].source == "scorer_2"
    assert len({product.singular for product in catalog.products.values()}) == 3


def signature(metadata: Mapping[str, object], who: object = None) -> Signature:
    return open_inference({"name": "m", **metadata}, who, None)


def written(made: Signature) -> Mapping[str, object]:
    """The entry's model, as YAML has it."""
    found: Mapping[str, object] = yaml.safe_load(entry(made, "ml.m", "scorer", True, None))["products"]["ml.m"]["model"]
    return found


DATATYPES = [
    ("BOOL", "boolean"), ("INT8", None), ("INT32", "integer"), ("INT64", "bigint"), ("UINT64", None), ("FP16", None),
    ("FP32", "float"), ("FP64", "float"), ("BYTES", "string"), ("FP8", None),
]  # fmt: skip


@pytest.mark.parametrize(("datatype", "type_"), DATATYPES)
def test_input_datatypes(datatype: str, type_: str | None) -> None:
    """Those that our back end sends; whatever it would send as another stays a comment."""
    made = signature({"inputs": [put("x", datatype, -1), put("y", "FP64", -1)], "outputs": [put("z", "FP64", -1)]})
    assert made.inputs[0].type == type_
    assert ("x" in written(made)["inputs"]) == (type_ is not None)  # type: ignore[operator]
    if type_ is None:
        assert f'# left out: "x": its datatype {datatype} cannot be sent' in entry(made, "ml.m", "s", True, None)


def test_output_datatypes() -> None:
    outputs = [
        put("a", "INT8", -1),
        put("b", "UINT32", -1, 1),
        put("c", "FP16", -1, 3),
        put("d", "UINT64", -1),
        put("e", "FP64"),
    ]
    made = signature({"inputs": [put("x", "FP64", -1)], "outputs": outputs})
    assert [one.type for one in made.outputs] == ["integer", "bigint", "array<float>", None, None]


def test_shapes() -> None:
    columns = {"inputs": [put("x", "FP32", -1, 1), put("y", "BOOL", -1, 1)], "outputs": [put("z", "FP64", -1)]}
    assert signature(columns).options == {"shape": "[n,1]", "floats": "FP32"}
    assert signature(columns, {"name": "triton"}).options["missing"] == "nan"
    matrix = signature({"inputs": [put("input-0", "FP32", -1, 3)], "outputs": [put("z", "FP64", -1)]}, MLSERVER)
    assert matrix.options == {"tensor": "input-0", "floats": "FP32"}
    assert list(written(matrix)["inputs"]) == ["input_0_1", "input_0_2", "input_0_3"]  # type: ignore[call-overload]
    assert "have no names" in entry(matrix, "ml.m", "s", True, None)
    odd = signature({"inputs": [put("x", "FP64", -1, 3), put("y", "FP32", -1), put("z", "FP64", -1)], "outputs": []})
    assert [one.type for one in odd.inputs] == [None, "float", "float"]
    assert "FP32 and FP64" in odd.notes[0]


@pytest.mark.parametrize(
    "name", ["a: {b}", "# x", "x\ny: 1", "\u2028", 'q"uote', "null", "on", "1", "id", "ß∂ƒ", "💥", "\x7f", "'"]
)
async def test_names_of_any_sort(tmp_path: Path, name: str) -> None:
    """Whatever a server calls things is written so that it is read as the same again."""
    metadata = {
        "name": "delay-risk",
        "inputs": [put(name, "FP64", -1), put(f"{name}?", "INT8", -1)],
        "outputs": [put(name, "FP64", -1)],
        "versions": [name],
    }
    async with standing_in(server(metadata)) as stand_in:
        await init_model(f"{stand_in.url}/v2/models/delay-risk", tmp_path)
    product = load_project(tmp_path).catalog.products["ml.delay_risk"]
    assert [column.physical for column in product.columns.values()] == [name, name]
    assert product.model is not None
    assert product.model.version == name


SILENT: list[tuple[object, str]] = [
    ({**METADATA, "inputs": [], "outputs": []}, "says nothing of its inputs"),
    ({**METADATA, "outputs": [put("x", "UINT64", -1)]}, "says nothing of its outputs"),
    ({"error": "Model not found"}, "is no Open Inference metadata"),
    (["x"], "is no Open Inference metadata"),
    ({**METADATA, "inputs": {"x": 1}}, "says nothing of its inputs"),
]


@pytest.mark.parametrize(("metadata", "sentence"), SILENT)
async def test_models_that_say_too_little(tmp_path: Path, metadata: object, sentence: str) -> None:
    async with standing_in(server(metadata, None)) as stand_in:
        with pytest.raises(InitError, match=f"CH245.*{sentence}"):
            await init_model(f"{stand_in.url}/v2/models/delay-risk", tmp_path)
    assert not list(tmp_path.iterdir())


WRONG = [
    (["--model", "http://host:8080"], 2, "names it: http://host:8080/v2/models/NAME"),
    (["--model", "http://ann:s3cr3t@host/v2/models/m"], 2, "holds no credentials"),
    (["--model", "http://127.0.0.1:1/v2/models/m"], 1, "CH501"),
    (["--model", "http://host/invocations", "--kind", "mlflow"], 2, "does not tell its signature"),
    (["--model", "http://host/v2/models/m", "--kind", "vertex"], 2, "there are open_inference, mlflow, onnx"),
    (["--model", "no/such/folder"], 2, "no MLmodel file that can be read"),
    (["--model", "no/such/folder", "--kind", "onnx"], 2, "a file that ends in .onnx"),
    (["--model", "secret:env:CUSTOMHOUSE_TEST_NOT_SET"], 2, "is not set"),
    (["--source", "duckdb:///x.duckdb", "--name", "ml.x"], 2, "are for --model"),
    (["--model", "x", "--domain", "ml"], 2, "is for --source"),
]


@pytest.mark.parametrize(("arguments", "code", "sentence"), WRONG)
def test_used_wrongly(
    tmp_path: Path, arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *arguments, "--out", str(tmp_path / "out")]) == code
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert "s3cr3t" not in printed.err + printed.out
    assert not (tmp_path / "out").exists()


MLMODEL = """\
flavors: {python_function: {loader_module: mlflow.pyfunc.model}}
mlflow_version: 3.17.2
model_uuid: b4192aeebdba43819f0892e8c3d3839a
"""
INPUTS = [
    {"type": "double", "name": "distance", "required": False},
    {"type": "string", "name": "CARRIER", "required": True},
    {"type": "long", "name": "seats", "required": True},
    {"type": "datetime", "name": "at"},
    {"type": "binary", "name": "blob"},
    {"type": "array", "name": "list", "items": {"type": "double"}},
    {"type": "object", "name": "thing", "properties": {}},
]
OUTPUTS = [
    {"type": "double", "name": "probability", "required": True},
    {"type": "array", "name": "shares", "items": {"type": "float"}},
    {"type": "map", "name": "more", "values": {"type": "float"}},
]


def mlmodel(at: Path, inputs: object, outputs: object) -> Path:
    at.mkdir(parents=True)
    parts = {"inputs": json.dumps(inputs), "outputs": None if outputs is None else json.dumps(outputs), "params": None}
    (at / "MLmodel").write_text(MLMODEL + yaml.safe_dump({"signature": parts}))
    return at


@pytest.mark.parametrize("file", ["", "MLmodel"])
def test_mlflow(tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    at = mlmodel(tmp_path / "Delay Risk", INPUTS, OUTPUTS)
    assert main(["init", "--model", str(at / file), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == str(tmp_path / "out/catalog/ml.yaml")
    assert "set MODEL_URL to that URL" in printed.err
    assert [line.split(",")[0] for line in printed.err.splitlines() if "Left out" in line] == [
        f"Left out: {name}" for name in ("blob", "list", "thing", "more")
    ]
    monkeypatch.setenv("MODEL_URL", "http://127.0.0.1:5000")
    catalog = load_project(tmp_path / "out").catalog
    assert (catalog.sources["scorer"].kind, catalog.sources["scorer"].url) == ("mlflow", "secret:env:MODEL_URL")
    product = catalog.products["ml.delay_risk"]
    assert product.model is not None
    assert product.model.nullable == {"distance"}
    assert {name: str(one.type) for name, one in product.columns.items()} == {
        "distance": "float",
        "carrier": "string",
        "seats": "bigint",
        "at": "datetime",
        "probability": "float",
        "shares": "array<float>",
    }


@pytest.mark.parametrize(("shape", "type_"), [([-1], "float"), ([-1, 1], "float"), ([-1, 2], "array<float>")])
def test_an_unnamed_tensor_of_mlflows(tmp_path: Path, shape: list[int], type_: str) -> None:
    outputs = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": shape}}]
    asyncio.run(init_model(str(mlmodel(tmp_path / "m", INPUTS[:1], outputs)), tmp_path / "out"))
    columns = load_project(tmp_path / "out").catalog.products["ml.m"].columns
    assert str(columns["prediction"].type) == type_


@pytest.mark.parametrize(("text", "sentence"), [
    ("a: [", "no MLmodel file"), ("signature: {inputs: '['}", "no MLmodel file"), ("- x", "says nothing of its inputs"),
    ("flavors: {}", "Save it with a signature"), ("signature: {inputs: '[3]', outputs: '{}'}", "says nothing"),
    ('signature: {inputs: ''[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]''}', "nothing"),
])  # fmt: skip
def test_mlmodel_files_that_say_too_little(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(InitError, match=sentence):
        asyncio.run(init_model(str(tmp_path / "MLmodel"), tmp_path / "out"))


def test_onnx_signatures() -> None:
    made = onnx(
        "delay_risk",
        [
            ("distance", "tensor(float)", ["N"]),
            ("carrier", "tensor(string)", [None, 1]),
            ("deep", "tensor(float)", [None, 3]),
        ],
        [
            ("label", "tensor(int64)", [None]),
            ("probabilities", "seq(map(int64,tensor(float)))", []),
            ("p", "tensor(float)", [None, 2]),
        ],
    )
    assert [one.type for one in made.inputs] == ["float", "string", None]
    assert [one.type for one in made.outputs] == ["bigint", None, "array<float>"]
    assert 'column: "probabilities[1]"' in made.outputs[1].note
    assert made.options == {}
    matrix = onnx("m", [("X", "tensor(float)", [None, 2])], [("y", "tensor(double)", [None, 1])])
    assert (matrix.options, [one.physical for one in matrix.inputs]) == ({"tensor": "X"}, ["x_1", "x_2"])


def test_without_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InitError, match="onnxruntime, which is not installed"):
        asyncio.run(init_model("x.onnx", tmp_path / "out"))


def test_a_file_that_is_no_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime (PyPI)")
    (tmp_path / "x.onnx").write_text("nope")
    with pytest.raises(InitError, match="no ONNX file"):
        asyncio.run(init_model(str(tmp_path / "x.onnx"), tmp_path / "out"))


def product_of(at: Path, id_: str) -> Product:
    return load_project(at).catalog.products[id_]


async def test_what_was_written_can_be_asked(tmp_path: Path) -> None:
    """The options of the entry make the request that the metadata describe."""
    metadata = {**METADATA, "inputs": [put("input-0", "FP32", -1, 2)], "outputs": [put("y", "FP32", -1, 1)]}
    async with standing_in(server(metadata, None)) as stand_in:
        await init_model(f"{stand_in.url}/v2/models/delay-risk", tmp_path)
    product = product_of(tmp_path, "ml.delay_risk")
    assert product.model is not None
    body = json.loads(request(product, [(1.0, 2.0)], Wire.read(product.model.options)))
    assert body["inputs"] == [{"name": "input-0", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}]
