"""The signature of an ONNX model as the catalog has it: columns become tensors, tensors become values.

Inputs, in the order of the catalog's:
    a tensor per column        named `Column.physical`, of shape [n] or [n, 1]
    option ``tensor: x``       one tensor of that name and shape [n, k] for all; its columns are numbers or booleans

Outputs, by `Column.physical`:
    label                      [n] or [n, 1]; the whole row [k] where the column is an array
    probabilities[1]           one number of [n, k], or of a map by class (scikit-learn's), as is probabilities[late]

Null and NaN are one: NaN in a tensor of floats, the empty text in one of strings. Other tensors have no null, so that a
nullable input with such a tensor does not fit. A number too large for a tensor of floats is infinite there; one too
large for a tensor of whole numbers fails the call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy
from numpy.typing import NDArray
from onnxruntime import InferenceSession, NodeArg, RunOptions

from resolvers.backends.keyed.keyed import Key, Row
from resolvers.backends.keyed.options import text
from resolvers.backends.keyed.scoring import inputs, signature
from resolvers.backends.keyed.values import from_json, to_text
from schema.catalog import Column, Model, Product
from schema.types import NUMERIC, Kind

_FLOATS = {"float16": numpy.float16, "float": numpy.float32, "double": numpy.float64}
_WHOLES = {
    name: getattr(numpy, name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
}
_NUMBERS = NUMERIC | {Kind.BOOLEAN}
_WHOLE = frozenset({Kind.INTEGER, Kind.BIGINT, Kind.BOOLEAN})
_WORDS = frozenset({Kind.STRING, Kind.UUID, Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.TIMESTAMP})
_ELEMENT = re.compile(r"(.+)\[([^\[\]]+)\]", re.DOTALL)


class Unfit(ValueError):
    """The file, or what it answers, is not what the catalog says. The sentence names no value."""


@dataclass(frozen=True, slots=True)
class _Input:
    """A tensor and the places in a key of the columns it holds: one, or all of them (``wide``)."""

    name: str
    element: str
    columns: tuple[tuple[int, Column], ...]
    flat: bool
    wide: bool


@dataclass(frozen=True, slots=True)
class _Output:
    column: Column
    name: str
    item: str | None


@dataclass(frozen=True, slots=True)
class Signature:
    """How one product reads one session."""

    nullable: tuple[bool, ...]
    names: tuple[str, ...]
    inputs: tuple[_Input, ...]
    outputs: tuple[_Output, ...]

    @classmethod
    def of(cls, product: Product, session: InferenceSession) -> Signature:
        """Raises Unfit where the product and the file differ."""
        if product.model is None:
            raise Unfit(f"{product.id} is no model")
        name, model = product.physical[0], product.model
        return cls(
            nullable=tuple(input_ in model.nullable for input_ in model.inputs),
            names=model.inputs,
            inputs=_inputs(name, product, model, session.get_inputs()),
            outputs=_outputs(name, product, model, {put.name for put in session.get_outputs()}),
        )

    def score(self, session: InferenceSession, options: RunOptions, keys: Sequence[Key]) -> list[Row | None]:
        """One row per key with its inputs and all outputs: the file computes them together."""
        rows: list[Row | None] = [None] * len(keys)
        settled = [tuple(_settled(value) for value in key) for key in keys]
        asked = [at for at, key in enumerate(settled) if self._takes(key)]
        if not asked:
            return rows
        sent = [settled[at] for at in asked]
        feed = {tensor.name: _tensor(tensor, sent) for tensor in self.inputs}
        names = list(dict.fromkeys(output.name for output in self.outputs))
        answers = dict(zip(names, session.run(names, feed, options), strict=True))
        found = {output.column.name: _read(output, answers[output.name], len(asked)) for output in self.outputs}
        for place, at in enumerate(asked):
            outputs = {name: values[place] for name, values in found.items()}
            rows[at] = {**dict(zip(self.names, keys[at], strict=True)), **outputs}
        return rows

    def _takes(self, key: Key) -> bool:
        return all(may or value is not None for value, may in zip(key, self.nullable, strict=True))


def fits(product: Product) -> None:
    """Raise Unfit for inputs that no file has tensors for; whether this one has, `Signature.of` sees."""
    name, model = product.physical[0], signature(product)
    wide = text(model.options, "tensor") is not None
    for column in inputs(product):
        if wide:
            _number_of(name, column)
        elif column.type.kind not in _NUMBERS | _WORDS:
            raise Unfit(f"model {name}: input {column.name} of the type {column.type} has no tensor")


def _number_of(name: str, column: Column) -> None:
    if column.type.kind not in _NUMBERS:
        raise Unfit(f"model {name}: input {column.name} is no number, which one tensor for all inputs needs")


def _inputs(name: str, product: Product, model: Model, found: Sequence[NodeArg]) -> tuple[_Input, ...]:
    tensors = {put.name: put for put in found}
    columns = tuple((at, product.columns[input_]) for at, input_ in enumerate(model.inputs))
    option = model.options.get("tensor")
    if option is not None:
        if not isinstance(option, str) or option not in tensors:
            raise Unfit(f"model {name}: the file has no input named as the option tensor says")
        made: tuple[_Input, ...] = (_wide(name, tensors[option], columns, model),)
    else:
        made = tuple(_narrow(name, tensors.get(column.physical), at, column, model) for at, column in columns)
    left = sorted(tensors.keys() - {tensor.name for tensor in made})
    if left:
        raise Unfit(f"model {name}: the catalog has no input for {left[0]}")
    return made


def _narrow(name: str, put: NodeArg | None, at: int, column: Column, model: Model) -> _Input:
    if put is None:
        raise Unfit(f"model {name}: the file has no input {column.physical}")
    shape = list(put.shape)
    if len(shape) not in (1, 2) or not _free(shape[0]) or (len(shape) == 2 and shape[1] != 1 and not _free(shape[1])):
        raise Unfit(f"model {name}: input {column.physical} is not one value for each of any number of rows")
    return _Input(put.name, _element(name, put, column, model), ((at, column),), flat=len(shape) == 1, wide=False)


def _wide(name: str, put: NodeArg, columns: tuple[tuple[int, Column], ...], model: Model) -> _Input:
    shape = list(put.shape)
    if len(shape) != 2 or not _free(shape[0]) or (shape[1] != len(columns) and not _free(shape[1])):
        raise Unfit(f"model {name}: input {put.name} is not as wide as the catalog has inputs")
    for _, column in columns:
        _number_of(name, column)
        element = _element(name, put, column, model)
    return _Input(put.name, element, columns, flat=False, wide=True)


def _element(name: str, put: NodeArg, column: Column, model: Model) -> str:
    """The type of a tensor's elements, when values of the column have a place there."""
    element = str(put.type).removeprefix("tensor(").removesuffix(")")
    if element in _FLOATS:
        fits, null = column.type.kind in _NUMBERS, True
    elif element in _WHOLES:
        fits, null = column.type.kind in _WHOLE, False
    elif element == "string":
        fits, null = column.type.kind in _WORDS, True
    else:
        fits, null = element == "bool" and column.type.kind is Kind.BOOLEAN, False
    if not fits:
        raise Unfit(f"model {name}: input {column.name} of the type {column.type} is a tensor of {element} in the file")
    if column.name in model.nullable and not null:
        raise Unfit(f"model {name}: input {column.name} may be null, and a tensor of {element} has no null")
    return element


def _outputs(name: str, product: Product, model: Model, found: set[str]) -> tuple[_Output, ...]:
    made = []
    for column in (product.columns[output] for output in model.outputs):
        match = _ELEMENT.fullmatch(column.physical)
        if column.physical in found or match is None:
            made.append(_Output(column, column.physical, None))
        else:
            made.append(_Output(column, match[1], match[2]))
        if made[-1].name not in found:
            raise Unfit(f"model {name}: the file has no output {made[-1].name}")
    return tuple(made)


def _free(size: object) -> bool:
    return not isinstance(size, int)


def _settled(value: object) -> object:
    return None if isinstance(value, float) and value != value else value


def _tensor(tensor: _Input, keys: Sequence[Key]) -> NDArray[numpy.generic]:
    if tensor.element == "string":
        words = [_word(key[at]) for key in keys for at, _ in tensor.columns]
        made: NDArray[numpy.generic] = numpy.array(words, dtype=numpy.object_)
    else:
        numbers = [_number(key[at]) for key in keys for at, _ in tensor.columns]
        dtype = _FLOATS.get(tensor.element) or _WHOLES.get(tensor.element) or numpy.bool_
        with numpy.errstate(over="ignore"):
            made = numpy.array(numbers, dtype=dtype)
    return made if tensor.flat else made.reshape(len(keys), len(tensor.columns))


def _word(value: object) -> str:
    return "" if value is None else to_text(value)


def _number(value: object) -> object:
    if value is None:
        return numpy.nan
    return float(value) if isinstance(value, Decimal) else value


def _read(output: _Output, answer: object, count: int) -> list[object]:
    """The values of an output, one for each row. Raises Unfit."""
    listed = answer.tolist() if isinstance(answer, numpy.ndarray) else answer
    if not isinstance(listed, list) or len(listed) != count:
        raise Unfit(f"output {output.column.name} has not one value for each row")
    return [_value(output, found) for found in listed]


def _value(output: _Output, found: object) -> object:
    if output.item is not None:
        found = _item(output, found, output.item)
    elif isinstance(found, list) and len(found) == 1 and output.column.type.kind is not Kind.ARRAY:
        found = found[0]
    try:
        return from_json(_settled(found), output.column.type)
    except ValueError:
        raise Unfit(f"output {output.column.name} is not of the type {output.column.type}") from None


def _item(output: _Output, found: object, item: str) -> object:
    if isinstance(found, Mapping):
        for key in (item, int(item) if item.isdecimal() else None):
            if key in found:
                return found[key]
    elif isinstance(found, list) and item.isdecimal() and int(item) < len(found):
        return found[int(item)]
    raise Unfit(f"output {output.column.name} asks for an element that is not there")
