"""What MLflow, Vertex AI and SageMaker's containers answer: a list of predictions, one for each row.

    [0.07, 0.31]                                       one output
    [[0.93, 0.07], [0.69, 0.31]]                       an array; or several outputs by position, or by `name[1]`
    [{"probability": 0.07, "label": "on time"}, ..]    by name; `scores[1]` is an element of a named list
    {"probability": [0.07, 0.31], "label": [..]}       by name, column by column
    0.07,on time                                       CSV: by position, a line for each row; a value, where there is
                                                       one output

Nothing is guessed: a prediction that has not exactly the declared outputs by position is an error.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from resolvers.backends.keyed.json_bodies import Unread
from resolvers.backends.keyed.keyed import Row
from resolvers.backends.keyed.scoring import Output, cell, element, outputs
from resolvers.backends.keyed.values import from_text
from schema.catalog import Product
from schema.types import Kind, Type

_WHOLE = frozenset({Kind.ARRAY, Kind.JSON, Kind.STRUCT})


def rows(answer: object, wanted: Sequence[Output], count: int) -> list[Row]:
    """The rows of an answer's ``predictions``. Raises Unread."""
    found = answer.get("predictions") if isinstance(answer, Mapping) else None
    if isinstance(found, Mapping):
        found = _turned(found, wanted, count)
    if not isinstance(found, list):
        raise Unread("its answer has no predictions")
    return _rows(found, wanted, count)


def rows_of_lines(body: bytes, product: Product, count: int) -> list[Row]:
    """The rows of an answer in CSV, where an array is JSON in its cell. Raises Unread."""
    try:
        read = csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
        lines = [[value.strip() for value in line] for line in read if line]
    except (ValueError, csv.Error):
        raise Unread("its answer is no CSV") from None
    wanted = outputs(product, _of_text)
    single = len(wanted) == 1 and wanted[0].index is None
    return _rows([value for line in lines for value in line] if single else lines, wanted, count)


def _of_text(found: object, type_: Type) -> object:
    return from_text(str(found), type_)


def _rows(found: Sequence[object], wanted: Sequence[Output], count: int) -> list[Row]:
    if len(found) != count:
        raise Unread("its answer has not one prediction for each row")
    return [_row(prediction, wanted) for prediction in found]


def _row(prediction: object, wanted: Sequence[Output]) -> Row:
    if len(wanted) == 1 and wanted[0].index is None and _is_whole(prediction, wanted[0]):
        return {wanted[0].column.name: cell(prediction, wanted[0])}
    if isinstance(prediction, Mapping):
        return {output.column.name: _named(prediction, output) for output in wanted}
    if isinstance(prediction, list):
        return _placed(prediction, wanted)
    if len(wanted) != 1 or wanted[0].index is not None:
        raise Unread("a prediction is one value, and the model has several outputs")
    return {wanted[0].column.name: cell(prediction, wanted[0])}


def _is_whole(prediction: object, output: Output) -> bool:
    """Whether a list or record is the value itself of the only output."""
    named = isinstance(prediction, Mapping) and output.name in prediction
    return isinstance(prediction, list | Mapping) and output.column.type.kind in _WHOLE and not named


def _named(prediction: Mapping[str, object], output: Output) -> object:
    if output.name not in prediction:
        raise Unread(f"output {output.column.name} is missing")
    return element(prediction[output.name], output)


def _placed(prediction: list[object], wanted: Sequence[Output]) -> Row:
    if all(output.index is not None for output in wanted):
        return {output.column.name: element(prediction, output) for output in wanted}
    if len(prediction) != len(wanted):
        raise Unread("a prediction has not as many values as the model has outputs")
    return {output.column.name: element(value, output) for output, value in zip(wanted, prediction, strict=True)}


def _turned(found: Mapping[str, object], wanted: Sequence[Output], count: int) -> list[object]:
    """Columns as records. Raises Unread."""
    columns: dict[str, list[object]] = {}
    for output in wanted:
        values = found.get(output.name)
        if not isinstance(values, list) or len(values) != count:
            raise Unread(f"output {output.column.name} has not one value for each row")
        columns[output.name] = values
    return [{name: values[at] for name, values in columns.items()} for at in range(count)]
