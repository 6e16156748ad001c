"""The project's shapes as one JSON Schema (draft 2020-12), so that editors complete and check the YAML.

``python -m schema.jsonschema`` writes schema/project.schema.json; a test fails while it is stale. The document takes
any file of a project; ``$defs`` holds settings, overlay, catalog, policies and personas one by one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from schema.load_shape import Anything, Either, Flag, ListOf, MapOf, Null, Number, Record, Shape, Text
from schema.load_shapes import CATALOG, PERSONAS, SETTINGS
from schema.load_shapes_policies import POLICIES

FILE = Path(__file__).with_name("project.schema.json")

Json = dict[str, object]


class _Writer:
    """Writes shapes; named records go to ``$defs`` once.

    ``partial`` drops what must be there: an overlay may say less.
    """

    def __init__(self, partial: bool = False) -> None:
        self.definitions: dict[str, Json] = {}
        self.partial = partial
        self.prefix = "overlay-" if partial else ""

    def write(self, shape: Shape) -> Json:
        written = self._bare(shape)
        if shape.about:
            written["description"] = shape.about
        return written

    def _bare(self, shape: Shape) -> Json:
        if isinstance(shape, Record):
            return self._record(shape)
        if isinstance(shape, Text):
            return self._text(shape)
        if isinstance(shape, MapOf):
            return self._map(shape)
        if isinstance(shape, ListOf):
            made: Json = {"type": "array", "items": self.write(shape.item)}
            return _bounded(made, minItems=shape.least or None, maxItems=shape.most)
        if isinstance(shape, Number):
            made = {"type": "integer" if shape.whole else "number"}
            return _bounded(made, minimum=shape.least, maximum=shape.most)
        if isinstance(shape, Either):
            return {"anyOf": [self.write(choice) for choice in shape.choices]}
        if isinstance(shape, Flag):
            return {"type": "boolean"}
        if isinstance(shape, Null):
            return {"type": "null"}
        if isinstance(shape, Anything):
            return {}
        assert_never(shape)

    def _text(self, shape: Text) -> Json:
        made: Json = {"type": "string"}
        if shape.words:
            made["enum"] = list(shape.words)
        if shape.pattern is not None:
            made["pattern"] = _ecma(shape.pattern)
        if shape.examples:
            made["examples"] = list(shape.examples)
        return made

    def _map(self, shape: MapOf) -> Json:
        made: Json = {"type": "object", "additionalProperties": self.write(shape.item)}
        if shape.pattern is not None:
            made["propertyNames"] = {"pattern": _ecma(shape.pattern)}
        return _bounded(made, minProperties=None if self.partial else shape.least or None)

    def _record(self, shape: Record) -> Json:
        if not shape.name:
            return self._object(shape)
        name = self.prefix + shape.name
        if name not in self.definitions:
            self.definitions[name] = {}  # stands for itself while it is written
            self.definitions[name] = self._object(shape)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, shape: Record) -> Json:
        properties = {name: self.write(key.shape) for name, key in shape.keys.items()}
        made: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [name for name, key in shape.keys.items() if key.required]
        if required and not self.partial:
            made["required"] = required
        return _bounded(made, minProperties=shape.least or None, maxProperties=shape.most)


def _ecma(pattern: str) -> str:
    """The pattern anchored, and without Python's inline flags."""
    bare = pattern.removeprefix("(?s)")
    if bare != pattern:
        bare = bare.replace(".", r"[\s\S]")
    return f"^(?:{bare})$"


def _bounded(made: Json, **bounds: int | None) -> Json:
    return {**made, **{name: bound for name, bound in bounds.items() if bound is not None}}


def document() -> Mapping[str, object]:
    """The whole schema."""
    full, partial = _Writer(), _Writer(partial=True)
    roots = {
        "settings": full.write(SETTINGS),
        "catalog": full.write(CATALOG),
        "policies": full.write(POLICIES),
        "personas": full.write(PERSONAS),
        "overlay": partial.write(SETTINGS),
    }
    definitions = {
        **full.definitions,
        **partial.definitions,
        "personas": roots["personas"],
        "overlay": roots["overlay"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "project.schema.json",
        "title": "A file of a Customhouse project",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in ("settings", "overlay", "catalog", "policies", "personas")],
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
