"""What MLflow and Vertex AI answer: a list of predictions, one for each row, as numbers, lists or records.

    [0.07, 0.31]                                       one output
    [[0.93, 0.07], [0.69, 0.31]]                       an array; or several outputs by position, or by `name[1]`
    [{"probability": 0.07, "label": "on time"}, ..]    by name; `scores[1]` is an element of a named list
    {"probability": [0.07, 0.31], "label": [..]}       by name, column by column

Nothing is guessed: a prediction that has not exactly the declared outputs by position is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resolvers.backends.keyed.http import Unread
from resolvers.backends.keyed.keyed import Row
from resolvers.backends.keyed.scoring import Output, cell, element
from schema.types import Kind

_WHOLE = frozenset({Kind.ARRAY, Kind.JSON, Kind.STRUCT})


def rows(answer: object, outputs: Sequence[Output], count: int) -> list[Row]:
    """The rows of an answer's ``predictions``. Raises Unread."""
    found = answer.get("predictions") if isinstance(answer, Mapping) else None
    if isinstance(found, Mapping):
        found = _turned(found, outputs, count)
    if not isinstance(found, list):
        raise Unread("its answer has no predictions")
    if len(found) != count:
        raise Unread("its answer has not one prediction for each row")
    return [_row(prediction, outputs) for prediction in found]


def _row(prediction: object, outputs: Sequence[Output]) -> Row:
    if len(outputs) == 1 and outputs[0].index is None and _is_whole(prediction, outputs[0]):
        return {outputs[0].column.name: cell(prediction, outputs[0])}
    if isinstance(prediction, Mapping):
        return {output.column.name: _named(prediction, output) for output in outputs}
    if isinstance(prediction, list):
        return _placed(prediction, outputs)
    if len(outputs) != 1 or outputs[0].index is not None:
        raise Unread("a prediction is one value, and the model has several outputs")
    return {outputs[0].column.name: cell(prediction, outputs[0])}


def _is_whole(prediction: object, output: Output) -> bool:
    """Whether a list or record is the value itself of the only output."""
    named = isinstance(prediction, Mapping) and output.name in prediction
    return isinstance(prediction, list | Mapping) and output.column.type.kind in _WHOLE and not named


def _named(prediction: Mapping[str, object], output: Output) -> object:
    if output.name not in prediction:
        raise Unread(f"output {output.column.name} is missing")
    return element(prediction[output.name], output)


def _placed(prediction: list[object], outputs: Sequence[Output]) -> Row:
    if all(output.index is not None for output in outputs):
        return {output.column.name: element(prediction, output) for output in outputs}
    if len(prediction) != len(outputs):
        raise Unread("a prediction has not as many values as the model has outputs")
    return {output.column.name: element(value, output) for output, value in zip(outputs, prediction, strict=True)}


def _turned(found: Mapping[str, object], outputs: Sequence[Output], count: int) -> list[object]:
    """Columns as records. Raises Unread."""
    columns: dict[str, list[object]] = {}
    for output in outputs:
        values = found.get(output.name)
        if not isinstance(values, list) or len(values) != count:
            raise Unread(f"output {output.column.name} has not one value for each row")
        columns[output.name] = values
    return [{name: values[at] for name, values in columns.items()} for at in range(count)]
