"""What a model says of itself, in the catalog's types: from tensors (Open Inference, ONNX) or MLflow's columns.

What has no type here stays, with a sentence that says why, so that it is written down as a comment and not forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.steward.init_names import logical

Kind = Literal["open_inference", "mlflow", "onnx"]
_TYPES: Mapping[str, str] = {
    "BOOL": "boolean",
    **dict.fromkeys(("INT8", "INT16", "INT32", "UINT8", "UINT16"), "integer"),
    **dict.fromkeys(("INT64", "UINT32"), "bigint"),
    **dict.fromkeys(("FP16", "BF16", "FP32", "FP64"), "float"),
    "BYTES": "string",
}
_SENT: Mapping[str, frozenset[str]] = {
    "open_inference": frozenset({"BOOL", "INT32", "INT64", "FP32", "FP64", "BYTES"}),
}
"""Datatypes that our back ends write; others would arrive as one that the model does not take."""
WIDEST = 1000


@dataclass(frozen=True, slots=True)
class Put:
    """An input or output. ``type`` is None where the catalog has none: ``note`` says why. ``physical`` names it."""

    physical: str
    type: str | None
    note: str = ""
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """A model as the catalog has it. ``options`` are those of its back end, ``notes`` for whoever reviews it."""

    kind: Kind
    name: str
    version: str | None
    inputs: tuple[Put, ...]
    outputs: tuple[Put, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor by name, with an Open Inference datatype, or another word where there is none. ``shape`` includes the
    rows; what may be anything is -1."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def of_tensors(
    kind: Kind, name: str, version: str | None, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> Signature:
    """The signature of tensors whose first axis are the rows."""
    options: dict[str, object] = {}
    if len(inputs) == 1 and _width(inputs[0]) not in (1, None) and inputs[0].datatype in ("FP32", "FP64"):
        return _matrix(kind, name, version, inputs[0], outputs)
    if kind == "open_inference" and inputs and all(len(tensor.shape) == 2 for tensor in inputs):
        options["shape"] = "[n,1]"
    floats = {tensor.datatype for tensor in inputs} & {"FP32", "FP64"}
    notes: tuple[str, ...] = ()
    if kind == "open_inference" and floats == {"FP32"}:
        options["floats"] = "FP32"
    elif kind == "open_inference" and len(floats) == 2:
        notes = ("REVIEW: its inputs are FP32 and FP64, and the option floats sends all as one of them",)
    return Signature(
        kind, name, version, tuple(_input(kind, one) for one in inputs), tuple(map(_output, outputs)), options, notes
    )


def _matrix(kind: Kind, name: str, version: str | None, tensor: Tensor, outputs: Sequence[Tensor]) -> Signature:
    """One tensor for all inputs: its columns have no names, so they are numbered."""
    options: dict[str, object] = {"tensor": tensor.name}
    if kind == "open_inference" and tensor.datatype == "FP32":
        options["floats"] = "FP32"
    width = _width(tensor) or 0
    stem = logical(tensor.name, "input")
    columns = tuple(Put(f"{stem}_{at}", "float") for at in range(1, width + 1))
    note = f"REVIEW: the columns of the tensor {tensor.name} have no names; give them some, and keep their order"
    return Signature(kind, name, version, columns, tuple(map(_output, outputs)), options, (note,))


def _input(kind: Kind, tensor: Tensor) -> Put:
    type_, width = _TYPES.get(tensor.datatype), _width(tensor)
    if type_ is None or tensor.datatype not in _SENT.get(kind, _TYPES.keys()):
        return Put(tensor.name, None, f"its datatype {tensor.datatype} cannot be sent")
    if width != 1:
        return Put(tensor.name, None, f"its shape {list(tensor.shape)} is not one value for each row")
    return Put(tensor.name, type_)


def _output(tensor: Tensor) -> Put:
    type_, width = _TYPES.get(tensor.datatype), _width(tensor)
    if tensor.datatype.startswith("seq(map("):
        note = f'it is a map by class; each class is an output of its own: {{type: float, column: "{tensor.name}[1]"}}'
        return Put(tensor.name, None, note)
    if type_ is None:
        return Put(tensor.name, None, f"its datatype {tensor.datatype} has no type here")
    if not tensor.shape:
        return Put(tensor.name, None, "it has no axis of rows")
    if width == 1:
        return Put(tensor.name, type_)
    note = f'one element of it is an output of its own: {{type: {type_}, column: "{tensor.name}[1]"}}'
    return Put(tensor.name, f"array<{type_}>", note)


def _width(tensor: Tensor) -> int | None:
    """Values of one row; None where that is not said, or too many to be written down."""
    if not tensor.shape:
        return None
    width = 1
    for size in tensor.shape[1:]:
        if size < 1:
            return None
        width *= size
    return width if width <= WIDEST else None
