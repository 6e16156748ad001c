"""The published JSON Schema says the same as the loader, as far as a schema of one file can.

It is read by a small validator of its own here, so that what is tested is the published document and not the shapes it
was written from. Structure (CH206 to CH209) must fail in both; what only the whole project shows passes the schema.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import cast

import pytest

from schema.jsonschema import FILE, text
from schema.yaml_source import plain, read_yaml
from tests.catalog.project_case import BASE, Case, read_case

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
Json = dict[str, object]
DOCUMENT = cast(Json, json.loads(FILE.read_text(encoding="utf-8")))
STRUCTURE = re.compile(r"^(?P<file>\S+?):\d+:\d+  (CH206|CH207|CH208|CH209) ", re.MULTILINE)
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "null": (type(None),),
    "integer": (int,), "number": (int, float),
}  # fmt: skip


def valid(value: object, schema: Json) -> bool:
    """Draft 2020-12, the keywords the document uses; an unknown keyword fails, so that none is passed over."""
    return all(_keyword(name, argument, value, schema) for name, argument in schema.items())


def _keyword(name: str, argument: object, value: object, schema: Json) -> bool:
    if name in ("description", "examples", "title", "$schema", "$id", "$defs"):
        return True
    if name == "$ref":
        definitions = cast(dict[str, Json], DOCUMENT["$defs"])
        return valid(value, definitions[str(argument).removeprefix("#/$defs/")])
    if name == "anyOf":
        return any(valid(value, choice) for choice in cast(list[Json], argument))
    if name == "type":
        return isinstance(value, TYPES[str(argument)]) and not (isinstance(value, bool) and argument != "boolean")
    if name == "enum":
        return value in cast(list[object], argument)
    if name == "pattern":
        return not isinstance(value, str) or re.search(str(argument), value) is not None
    if name in ("minimum", "maximum"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return not number or (value >= argument if name == "minimum" else value <= argument)  # type: ignore[operator]
    if isinstance(value, list):
        return _array(name, argument, value)
    if isinstance(value, dict):
        return _object(name, argument, value, schema)
    return name in {"items", "minItems", "maxItems", *OBJECT}


OBJECT = {"properties", "additionalProperties", "required", "propertyNames", "minProperties", "maxProperties"}


def _array(name: str, argument: object, value: list[object]) -> bool:
    if name == "items":
        return all(valid(item, cast(Json, argument)) for item in value)
    if name == "minItems":
        return len(value) >= cast(int, argument)
    return len(value) <= cast(int, argument) if name == "maxItems" else name in OBJECT


def _object(name: str, argument: object, value: Json, schema: Json) -> bool:
    known = cast(dict[str, Json], schema.get("properties", {}))
    if name == "properties":
        return all(valid(value[key], known[key]) for key in known if key in value)
    if name == "additionalProperties":
        others = [item for key, item in value.items() if key not in known]
        return not others if argument is False else all(valid(item, cast(Json, argument)) for item in others)
    if name == "required":
        return all(key in value for key in cast(list[str], argument))
    if name == "propertyNames":
        return all(valid(key, cast(Json, argument)) for key in value)
    if name in ("minProperties", "maxProperties"):
        most = cast(int, argument)
        return len(value) >= most if name == "minProperties" else len(value) <= most
    return name in ("items", "minItems", "maxItems")


def definition(file: str) -> Json:
    if file == "customhouse.yaml":
        kind = "settings"
    elif file.startswith("customhouse."):
        kind = "overlay"
    else:
        kind = {"catalog": "catalog", "policies": "policies"}.get(file.split("/")[0], "personas")
    return {"$ref": f"#/$defs/{kind}"}


def read(data: str) -> object:
    return plain(read_yaml(data.encode(), "x.yaml", []))


def test_the_published_document_is_what_the_shapes_say() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run: python -m schema.jsonschema"


def test_every_key_says_what_it_is_for() -> None:
    """Editors show it while one types."""
    definitions = cast(dict[str, Json], DOCUMENT["$defs"])
    silent = [
        f"{name}.{key}"
        for name, schema in definitions.items()
        for key, value in cast(dict[str, Json], schema.get("properties", {})).items()
        if "description" not in value
    ]
    assert silent == []


GOOD = [
    path
    for folder in (HERE / "good", ROOT / "examples")
    for path in sorted(folder.rglob("*.yaml"))
    if path.parent.name != "documents"  # registries, which `customhouse documents` writes
]


@pytest.mark.parametrize(
    "path", [path for path in GOOD if path.name != "expected.yaml"], ids=lambda path: "-".join(path.parts[-3:])
)
def test_sound_files_pass(path: Path) -> None:
    inside = path.parts[-2] if path.parts[-2] in ("catalog", "policies") else ""
    value = read(path.read_text())
    assert valid(value, definition(f"{inside}/{path.name}" if inside else path.name))
    assert valid(value, DOCUMENT), "an editor checks against the whole document"


BAD = [
    pytest.param(case, name, id=f"{path.stem}-{name}")
    for path in sorted((HERE / "bad").glob("*.yaml"))
    for case in [read_case(path)]
    for name in case.files
    if case.files[name].strip() != "(absent)"
]


@pytest.mark.parametrize(("case", "name"), BAD)
def test_broken_files_fail_exactly_where_structure_is_broken(case: Case, name: str) -> None:
    if name.startswith("customhouse.") and case.environment is not None:
        return  # base and overlay are judged together: test_overlays_are_judged_by_their_own_schema
    broken = {match["file"] for match in STRUCTURE.finditer(case.expected)}
    if any(f"{name}:" in line and re.search("CH20[1-4]", line) for line in case.expected.splitlines()):
        return  # no schema sees what no parser gives
    assert valid(read(case.files[name]), definition(name)) is (name not in broken)


@pytest.mark.parametrize(
    ("file", "document", "sound"),
    cast(list[list[object]], read((HERE / "schema_cases.yaml").read_text())),
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_overlays_policies_and_personas(file: str, document: object, sound: bool) -> None:
    assert valid(document, definition(file)) is sound


def test_the_validator_refuses_what_it_does_not_know() -> None:
    """It proves nothing if it passes over keywords."""
    assert not valid({}, {"dependentRequired": {}})
    assert not valid(1, {"multipleOf": 2})
    assert valid(read(BASE), definition("customhouse.yaml"))
