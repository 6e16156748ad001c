"""Products of tests, built by hand: what the catalog would load."""

from __future__ import annotations

from collections.abc import Mapping

from schema.catalog import Column, FeatureView, Model, Place, Product
from schema.types import parse_type

_HERE = Place("test")


def _columns(types: Mapping[str, str], physical: Mapping[str, str]) -> dict[str, Column]:
    return {
        name: Column(name, parse_type(spelt), _HERE, name, physical.get(name, name)) for name, spelt in types.items()
    }


def _product(id_: str, physical: str, key: tuple[str, ...], columns: Mapping[str, Column], **more: object) -> Product:
    domain, _, name = id_.partition(".")
    return Product(
        id=id_, domain=domain, name=name, source="s", key=key, columns=columns, relationships={}, place=_HERE,
        type_name=name.title(), singular=name, plural=f"{name}s", physical=(physical,), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def view(
    physical: str, key: Mapping[str, str], columns: Mapping[str, str], options: Mapping[str, object] | None = None
) -> Product:
    """A feature view. Keys have their logical names in the store, other columns do not."""
    stored = {name: f"{name.title()}-v1" for name in columns}
    made = _columns({**key, **columns}, stored)
    return _product("d.view", physical, tuple(key), made, features=FeatureView(options=options or {}))


def model(physical: str, inputs: Mapping[str, str], outputs: Mapping[str, str], **more: object) -> Product:
    """A model. Outputs are called otherwise in the signature."""
    made = _columns({**inputs, **outputs}, {name: f"out_{name}" for name in outputs})
    signature = Model("1", tuple(inputs), tuple(outputs), **more)  # type: ignore[arg-type]
    return _product("d.model", physical, tuple(inputs), made, model=signature)
