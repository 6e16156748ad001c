"""How a SageMaker endpoint is given rows, and how its predictions are read. What containers take differs; three forms.

    json-instances   {"instances": [[733.0, "UA"], ..]}             {"predictions": [..]}
    json-records     {"instances": [{"distance": 733.0, ..}, ..]}   {"predictions": [..]}
    csv              733.0,UA                                       one line for each row, or for one output one value

A prediction is one value, a list in the order of the outputs, or an object that names them (`Column.physical`). Nothing
is guessed: other numbers of predictions, or of values in one, are errors. Raises ValueError without a value in it.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import orjson

from resolvers.backends.keyed.keyed import Key, Row
from resolvers.backends.keyed.rows import row
from resolvers.backends.keyed.values import from_json, from_text, to_text
from schema.catalog import Column, Product
from schema.types import Type

Read = Callable[[object, Type], object]


@dataclass(frozen=True, slots=True)
class Form:
    """``write`` makes a body of the input columns and keys; ``read`` a list of predictions of a body, for so many
    rows and outputs; ``value`` the natural value of one."""

    media: str
    write: Callable[[Sequence[Column], Sequence[Key]], bytes]
    read: Callable[[bytes, int, int], list[object]]
    value: Read


def predicted(form: Form, body: bytes, product: Product, keys: Sequence[Key]) -> list[Row]:
    """One row for each key, of the body of an answer."""
    outputs = [product.columns[name] for name in (product.model.outputs if product.model else ())]
    found = form.read(body, len(keys), len(outputs))
    if len(found) != len(keys):
        raise ValueError("the answer has not one prediction for each row")
    return [
        row(product, key, outputs, _by_name(prediction, outputs), form.value)
        for key, prediction in zip(keys, found, strict=True)
    ]


def _by_name(prediction: object, outputs: Sequence[Column]) -> dict[str, object]:
    if isinstance(prediction, dict):
        missing = [column.name for column in outputs if column.physical not in prediction]
        if missing:
            raise ValueError(f"a prediction has no output {missing[0]}")
        return prediction
    values = prediction if isinstance(prediction, list) else [prediction]
    if len(values) != len(outputs):
        raise ValueError("a prediction has not as many values as the model has outputs")
    return {column.physical: value for column, value in zip(outputs, values, strict=True)}


def _lists(columns: Sequence[Column], keys: Sequence[Key]) -> bytes:
    return _json([[_plain(value) for value in key] for key in keys])


def _records(columns: Sequence[Column], keys: Sequence[Key]) -> bytes:
    names = [column.physical for column in columns]
    return _json([dict(zip(names, map(_plain, key), strict=True)) for key in keys])


def _json(instances: list[object]) -> bytes:
    try:
        return orjson.dumps({"instances": instances})
    except TypeError:
        raise ValueError("an input cannot be written as JSON") from None


def _plain(value: object) -> object:
    """An input as JSON has it: numbers as numbers, what has no form there as text, bytes in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
    if value is None or isinstance(value, bool | int | float | str | list | tuple | dict):
        return value
    return to_text(value)


def _predictions(body: bytes, rows: int, outputs: int) -> list[object]:
    try:
        answer = orjson.loads(body)
    except ValueError:
        raise ValueError("the answer is no JSON") from None
    found = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise ValueError("the answer has no predictions")
    return found


def _lines(columns: Sequence[Column], keys: Sequence[Key]) -> bytes:
    """Without a head; booleans are 1 and 0, null is nothing."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([_cell(value) for value in key] for key in keys)
    return written.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else to_text(value)


def _values(body: bytes, rows: int, outputs: int) -> list[object]:
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if line]
    except (ValueError, csv.Error):
        raise ValueError("the answer is no CSV") from None
    if outputs == 1:
        return [value for line in lines for value in line]
    return list(lines)


def _from_text(value: object, type_: Type) -> object:
    return from_text(str(value).strip(), type_)


FORMS = {
    "json-instances": Form("application/json", _lists, _predictions, from_json),
    "json-records": Form("application/json", _records, _predictions, from_json),
    "csv": Form("text/csv", _lines, _values, _from_text),
}
