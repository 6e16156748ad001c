"""Read what a model says of itself: an Open Inference metadata document, an MLflow folder, an ONNX file.

    http://host:8080/v2/models/NAME[/versions/V]      asked over HTTP
    models/delay_risk/ or models/delay_risk/MLmodel   MLflow writes its signature there; its server does not tell it
    models/delay_risk.onnx                            read by onnxruntime, where that is installed

Raises InitError CH245, and `Refusal` where a server is down.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import yaml

from app.steward.init import InitError
from app.steward.init_model_signature import Kind, Put, Signature, Tensor, of_tensors
from resolvers.backends.backend import Deadline
from schema.catalog import Source
from schema.errors import Place, Refusal

if TYPE_CHECKING:
    from resolvers.backends.keyed.http import JsonClient

_URL = re.compile(r"(https?://.+?)/v2/models/([^/]+)(?:/versions/([^/]+))?/?")
_SECONDS = 20.0
_MLFLOW: Mapping[str, str] = {
    "boolean": "boolean", "integer": "integer", "long": "bigint", "float": "float", "double": "float",
    "string": "string", "datetime": "datetime", "binary": "bytes",
}  # fmt: skip
_DTYPES: Mapping[str, str] = {
    "bool": "boolean", "object": "string", "str": "string", "int64": "bigint", "uint32": "bigint",
    "float16": "float", "float32": "float", "float64": "float",
    "int8": "integer", "int16": "integer", "int32": "integer", "uint8": "integer", "uint16": "integer",
}  # fmt: skip
_ONNX: Mapping[str, str] = {
    "bool": "BOOL", "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "uint8": "UINT8",
    "uint16": "UINT16", "uint32": "UINT32", "float16": "FP16", "float": "FP32", "double": "FP64", "string": "BYTES",
}  # fmt: skip


def kind_of(where: str) -> Kind:
    """What a URL or path holds, by its look."""
    if where.startswith(("http://", "https://")):
        return "open_inference"
    return "onnx" if where.endswith(".onnx") else "mlflow"


def base_of(url: str) -> str:
    """The source's URL of a model's."""
    return _parts(url)[0]


async def read_open_inference(url: str) -> Signature:
    """The signature that a server tells."""
    from resolvers.backends.keyed.http import JsonClient
    from resolvers.backends.keyed.http_options import HttpOptions

    base, name, version = _parts(url)
    source = Source("model", "open_inference", base, Place(""))
    try:
        client = JsonClient("model", HttpOptions.read(source, base, Path(), (), 1))
    except ValueError as error:
        raise InitError(f"CH245 The model cannot be asked: {error}.") from None
    deadline = Deadline.after(_SECONDS)
    pinned = f"/versions/{quote(version, safe='')}" if version else ""
    try:
        told = await client.get(f"/v2/models/{quote(name, safe='')}{pinned}", deadline)
        server = await _server(client, deadline)
    finally:
        await client.close()
    return open_inference(told, server, version)


async def _server(client: JsonClient, deadline: Deadline) -> object:
    """What the server says of itself; None where it does not."""
    try:
        return await client.get("/v2", deadline)
    except Refusal:
        return None


def open_inference(told: object, server: object, version: str | None) -> Signature:
    """The signature of a metadata document. ``server`` is what GET /v2 says: who it is."""
    if not isinstance(told, Mapping) or not isinstance(told.get("name"), str):
        raise InitError("CH245 The server's answer is no Open Inference metadata.")
    versions = [one for one in _list(told.get("versions")) if isinstance(one, str)]
    made = of_tensors(
        "open_inference",
        str(told["name"]),
        version or (versions[-1] if versions else None),
        _tensors(told.get("inputs")),
        _tensors(told.get("outputs")),
    )
    who = server.get("name") if isinstance(server, Mapping) else None
    return _with(made, {**made.options, **_habits(who, made)})


def _habits(who: object, made: Signature) -> Mapping[str, object]:
    """What a server needs that its metadata do not say: MLServer takes several tensors as a table only where it is
    told that they are one; Triton reads NaN, and no null."""
    if who == "mlserver" and len(made.inputs) > 1 and "tensor" not in made.options:
        return {"parameters": {"content_type": "pd"}}
    return {"missing": "nan"} if who == "triton" else {}


def read_mlflow(path: Path) -> Signature:
    """The signature in an MLflow model's folder, or in its MLmodel file."""
    file = path / "MLmodel" if path.is_dir() else path
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
        signature = told.get("signature") if isinstance(told, dict) else None
        inputs, outputs = (_specs(signature, put) for put in ("inputs", "outputs"))
    except (OSError, ValueError, yaml.YAMLError):
        raise InitError(f"CH245 {file} is no MLmodel file that can be read.") from None
    alone = len(outputs) == 1
    return Signature(
        "mlflow",
        file.parent.resolve().name,
        None,
        tuple(_column(spec, at, sent=True) for at, spec in enumerate(inputs, 1)),
        tuple(
            _column(spec, at, sent=False, fallback="prediction" if alone else None)
            for at, spec in enumerate(outputs, 1)
        ),
        notes=("REVIEW: an MLmodel file says no version, which is that of the registry",),
    )


def read_onnx(path: Path) -> Signature:
    """The signature of an ONNX file."""
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError:
        raise InitError("CH245 An ONNX file is read by onnxruntime, which is not installed.") from None
    if not path.is_file():
        raise InitError(f"CH245 There is no file {path}.")
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - onnxruntime raises types of its own, with the file's own words
        raise InitError(f"CH245 {path} is no ONNX file that can be read.") from None
    inputs, outputs = (
        [(put.name, put.type, put.shape) for put in puts] for puts in (session.get_inputs(), session.get_outputs())
    )
    return onnx(path.stem, inputs, outputs)


def onnx(name: str, inputs: Sequence[tuple[str, str, object]], outputs: Sequence[tuple[str, str, object]]) -> Signature:
    """The signature of (name, type as ONNX spells it, shape)."""
    return of_tensors("onnx", name, None, [_node(*put) for put in inputs], [_node(*put) for put in outputs])


def _parts(url: str) -> tuple[str, str, str | None]:
    match = _URL.fullmatch(url)
    if match is None:
        raise InitError("CH245 The URL of a model names it: http://host:8080/v2/models/NAME.")
    return match[1], unquote(match[2]), None if match[3] is None else unquote(match[3])


def _with(made: Signature, options: Mapping[str, object]) -> Signature:
    return Signature(made.kind, made.name, made.version, made.inputs, made.outputs, options, made.notes)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _tensors(told: object) -> list[Tensor]:
    found = []
    for tensor in _list(told):
        if isinstance(tensor, Mapping) and isinstance(tensor.get("name"), str):
            shape = tuple(size if isinstance(size, int) else -1 for size in _list(tensor.get("shape")))
            found.append(Tensor(str(tensor["name"]), str(tensor.get("datatype")), shape))
    return found


def _specs(signature: object, put: str) -> list[Mapping[str, object]]:
    text = signature.get(put) if isinstance(signature, Mapping) else None
    told = json.loads(text) if isinstance(text, str) else []
    return [spec for spec in _list(told) if isinstance(spec, Mapping)]


def _column(spec: Mapping[str, object], at: int, sent: bool, fallback: str | None = None) -> Put:
    """A column of an MLflow signature; a tensor's name may be missing."""
    name = spec.get("name")
    physical = name if isinstance(name, str) and name else fallback or f"column_{at}"
    type_, why = _mlflow_type(spec)
    if sent and type_ is not None and ("<" in type_ or type_ == "bytes"):
        type_, why = None, f"an input is one value that can be compared, and no {type_}"
    elif sent and spec.get("type") == "tensor":
        type_, why = None, "it is a tensor, and rows are sent as a table"
    return Put(physical, type_, why, nullable=sent and spec.get("required") is False)


def _mlflow_type(spec: Mapping[str, object]) -> tuple[str | None, str]:
    kind = str(spec.get("type"))
    if kind == "array" and isinstance(items := spec.get("items"), Mapping):
        inner, why = _mlflow_type(items)
        return (None if inner is None else f"array<{inner}>"), why
    if kind == "tensor" and isinstance(tensor := spec.get("tensor-spec"), Mapping):
        inner_type = _DTYPES.get(str(tensor.get("dtype")))
        shape = _list(tensor.get("shape"))
        if inner_type is None or len(shape) > 2:
            return None, f"a tensor of {tensor.get('dtype')} and shape {shape} has no type here"
        return (inner_type if len(shape) == 1 or shape[1:] == [1] else f"array<{inner_type}>"), ""
    found = _MLFLOW.get(kind)
    return found, "" if found else f"MLflow's type {kind} has no type here"


def _node(name: str, type_: str, shape: object) -> Tensor:
    match = re.fullmatch(r"tensor\((\w+)\)", type_)
    sizes = tuple(size if isinstance(size, int) else -1 for size in _list(shape))
    if match is None or match[1] not in _ONNX:
        return Tensor(name, type_, sizes or (-1,))
    return Tensor(name, _ONNX[match[1]], sizes)
