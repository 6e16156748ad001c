"""Open Inference Protocol v2 (KServe, Triton, MLServer, Seldon): tensors as JSON, over HTTP.

    POST /v2/models/MODEL/infer
    {"inputs": [{"name": "distance", "datatype": "FP64", "shape": [2], "data": [733.0, 1400.0]}, ..],
     "outputs": [{"name": "probability"}]}

A tensor for each input, named as `Column.physical`, or with the option ``tensor`` one for all of them, row by row. What
comes back is flat: `n` values, or `n` times `k` for an output that is `k` wide.

Tensors have no nulls. The option ``missing`` says how a nullable input's null is sent: as JSON's ``null``, which
MLServer reads as NaN in a tensor of floats and as None in one of bytes, or as ``NaN``, which Triton reads and which
only floats have. A server that takes neither answers with an error: CH502.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from urllib.parse import quote

from resolvers.backends.keyed.http import JsonClient
from resolvers.backends.keyed.http_options import HttpOptions
from resolvers.backends.keyed.instances import plain
from resolvers.backends.keyed.json_bodies import Unread, written
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.options import flag, known, mapping, text, word
from resolvers.backends.keyed.scoring import (
    Output,
    batch,
    element,
    inputs,
    meant,
    outputs,
    scored,
    signature,
)
from resolvers.backends.places import Places
from schema.catalog import Column, Product, Source
from schema.types import NUMERIC, Kind

OPTIONS = ("shape", "tensor", "floats", "missing", "parameters", "pin_version", "name_outputs")
BATCH = 1000
_DATATYPES: Mapping[Kind, str] = {
    Kind.BOOLEAN: "BOOL",
    Kind.INTEGER: "INT32",
    Kind.BIGINT: "INT64",
    Kind.STRING: "BYTES",
    Kind.UUID: "BYTES",
    Kind.DATE: "BYTES",
    Kind.TIME: "BYTES",
    Kind.DATETIME: "BYTES",
    Kind.TIMESTAMP: "BYTES",
}
_FLOATS = frozenset({Kind.FLOAT, Kind.DECIMAL})


@dataclass(frozen=True, slots=True)
class Wire:
    """How a model's tensors are written: what the source says, and the model's own options over it."""

    column: bool
    tensor: str | None
    floats: str
    nan: bool
    parameters: Mapping[str, object]
    pin_version: bool
    name_outputs: bool

    @classmethod
    def read(cls, options: Mapping[str, object]) -> Wire:
        return cls(
            column=word(options, "shape", ("[n]", "[n,1]"), "[n]") == "[n,1]",
            tensor=text(options, "tensor"),
            floats=word(options, "floats", ("FP64", "FP32"), "FP64"),
            nan=word(options, "missing", ("null", "nan"), "null") == "nan",
            parameters=mapping(options, "parameters"),
            pin_version=flag(options, "pin_version", False),
            name_outputs=flag(options, "name_outputs", True),
        )


class OpenInference:
    """A server of models. A product's physical name is the model's."""

    def __init__(self, source: Source, options: HttpOptions) -> None:
        self.name = source.name
        self._options = {name: value for name, value in source.options.items() if name in OPTIONS}
        Wire.read(self._options)
        self._batch = options.batch
        self._client = JsonClient(source.name, options)

    def batch(self, product: Product) -> int:
        return batch(product, self._batch)

    def fit(self, product: Product) -> None:
        wire = self._wire(product)
        if wire.tensor is not None:
            _numbers(product)
        for column in inputs(product):
            _datatype(column, wire)

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        with self._client.reading():
            with meant(product):
                wire = self._wire(product)
            path = _path(product, wire)

        async def ask(sent: list[Key]) -> list[Row]:
            with self._client.reading():
                body = request(product, sent, wire)
            answer = await self._client.post(path, body, call)
            with self._client.reading():
                return rows(answer, outputs(product), len(sent))

        return await scored(product, keys, ask)

    async def check(self) -> None:
        await self._client.reach("/v2/health/ready")

    def places(self) -> list[Places]:
        return [self._client.places()]

    async def close(self) -> None:
        await self._client.close()

    def _wire(self, product: Product) -> Wire:
        """What the source says, and the model's own options over it. Raises ValueError."""
        own = signature(product).options
        known(own, OPTIONS, "a model of kind open_inference")
        return Wire.read({**self._options, **own})


def request(product: Product, keys: Sequence[Key], wire: Wire) -> bytes:
    """The body of a call. Raises Unread for an input that no tensor holds."""
    tensors = [_whole(product, keys, wire)] if wire.tensor is not None else _each(product, keys, wire)
    body: dict[str, object] = {"inputs": tensors}
    if wire.parameters:
        body["parameters"] = wire.parameters
    if wire.name_outputs:
        body["outputs"] = [{"name": name} for name in dict.fromkeys(output.name for output in outputs(product))]
    return written(body, wire.nan)


def rows(answer: object, wanted: Sequence[Output], count: int) -> list[Row]:
    """The rows of an answer. Raises Unread unless every wanted output is there, with a value for each row."""
    found = answer.get("outputs") if isinstance(answer, Mapping) else None
    if not isinstance(found, list):
        raise Unread("its answer has no outputs")
    tensors = {str(tensor.get("name")): tensor for tensor in found if isinstance(tensor, Mapping)}
    columns = [(output, _values(tensors.get(output.name), output, count)) for output in wanted]
    return [{output.column.name: element(values[at], output) for output, values in columns} for at in range(count)]


def _path(product: Product, wire: Wire) -> str:
    version = f"/versions/{quote(signature(product).version, safe='')}" if wire.pin_version else ""
    return f"/v2/models/{quote(product.physical[0], safe='')}{version}/infer"


def _each(product: Product, keys: Sequence[Key], wire: Wire) -> list[dict[str, object]]:
    shape = [len(keys), 1] if wire.column else [len(keys)]
    return [
        {
            "name": column.physical,
            "datatype": (datatype := _datatype(column, wire)),
            "shape": shape,
            "data": [_sent(key[at], column, datatype, wire) for key in keys],
        }
        for at, column in enumerate(inputs(product))
    ]


def _whole(product: Product, keys: Sequence[Key], wire: Wire) -> dict[str, object]:
    columns = _numbers(product)
    data = [_sent(value, column, wire.floats, wire) for key in keys for value, column in zip(key, columns, strict=True)]
    return {"name": wire.tensor, "datatype": wire.floats, "shape": [len(keys), len(columns)], "data": data}


def _numbers(product: Product) -> tuple[Column, ...]:
    """The input columns, where one tensor can hold them all. Raises Unread."""
    for column in (columns := inputs(product)):
        if column.type.kind not in NUMERIC | {Kind.BOOLEAN}:
            raise Unread(f"input {column.name} is no number, which one tensor for all inputs needs")
    return columns


def _datatype(column: Column, wire: Wire) -> str:
    found = wire.floats if column.type.kind in _FLOATS else _DATATYPES.get(column.type.kind)
    if found is None:
        raise Unread(f"input {column.name} of the type {column.type} has no tensor")
    return found


def _sent(value: object, column: Column, datatype: str, wire: Wire) -> object:
    if value is None:
        if wire.nan and not datatype.startswith("FP"):
            raise Unread(f"input {column.name} is null, and NaN is of no meaning in a tensor of {datatype}")
        return float("nan") if wire.nan else None
    if datatype.startswith("FP"):
        return float(value)  # type: ignore[arg-type]
    return plain(value)


def _values(tensor: Mapping[str, object] | None, output: Output, count: int) -> list[object]:
    """One value for each row; a list of `k` where the output is wide."""
    if tensor is None:
        raise Unread(f"output {output.column.name} is missing")
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(shape, list) or not isinstance(data, list) or not all(_size(size) for size in shape):
        raise Unread(f"output {output.column.name} has no shape or no data")
    flat = _flat(data)
    if not shape or shape[0] != count or prod(shape) != len(flat):
        raise Unread(f"output {output.column.name} has not one value for each row")
    if len(shape) == 1:
        return flat
    width = prod(shape[1:])
    return [flat[at * width : (at + 1) * width] for at in range(count)]


def _size(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size >= 0


def _flat(data: list[object]) -> list[object]:
    """Nested lists, which the protocol allows besides flat ones, as one."""
    while any(isinstance(row, list) for row in data):
        if not all(isinstance(row, list) for row in data):
            raise Unread("a tensor is nested here and flat there")
        data = [item for row in data if isinstance(row, list) for item in row]
    return data
