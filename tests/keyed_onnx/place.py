"""A folder of models and products over them, as the catalog would have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.onnx import Onnx
from resolvers.backends.keyed.registry import open_keyed
from schema.catalog import Column, Model, Product, Source
from schema.errors import Place
from schema.types import parse_type

PLACE = Place(file="catalog/models.yaml", line=1, column=1)
Columns = Mapping[str, str]
"""Type by name; ``integer?`` may be null, and ``probability = scores[1]`` has another name in the file."""


def product(
    name: str, inputs: Columns, outputs: Columns, options: Mapping[str, object] | None = None, batch: int | None = None
) -> Product:
    made = {column.name: column for column in (_column(*entry) for entry in (*inputs.items(), *outputs.items()))}
    names = [entry.partition(" = ")[0] for entry in inputs]
    nullable = frozenset(name for name, type_ in zip(names, inputs.values(), strict=True) if type_.endswith("?"))
    model = Model(
        version="1",
        inputs=tuple(names),
        outputs=tuple(entry.partition(" = ")[0] for entry in outputs),
        nullable=nullable,
        batch=batch,
        options=options or {},
    )
    return Product(
        id=f"ml.{name}",
        domain="ml",
        name=name,
        source="scorer",
        key=model.inputs,
        columns=made,
        relationships={},
        place=PLACE,
        type_name="Scoring",
        singular="scoring",
        plural="scorings",
        physical=(name,),
        model=model,
    )


def opened(project: Path, **options: object) -> Onnx:
    """The back end of the folder ``models`` in a project, by way of the registry."""
    found = open_keyed(Source("scorer", "onnx", "models/", PLACE, options=options), "models/", project)
    assert isinstance(found, Onnx)
    return found


def call(seconds: float = 30.0) -> Call:
    return Call(Deadline.after(seconds))


async def score(back: Onnx, of: Product, keys: Sequence[Key]) -> list[Row | None]:
    """All outputs of some keys."""
    assert of.model is not None
    return await back.find(of, keys, of.model.outputs, call())


def _column(entry: str, type_: str) -> Column:
    name, _, physical = entry.partition(" = ")
    return Column(name, parse_type(type_.rstrip("?")), PLACE, field=name, physical=physical or name)
