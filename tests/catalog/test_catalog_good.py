"""What the loader makes of sound projects: good/*/expected.yaml has values at paths of the catalog, per environment."""

from __future__ import annotations

from dataclasses import is_dataclass
from pathlib import Path

import pytest
import yaml

from schema.catalog import Catalog, ClaimPath
from schema.load import digest_files, load_catalog
from schema.load_issuers import preset_path
from schema.load_settings import read_settings
from schema.load_units import seconds, size
from schema.names import camel, graphql_names, pascal
from schema.types import Type
from schema.yaml_source import Entries, read_yaml
from tests.catalog.project_case import BASE

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "flights"
EXPECTED = [
    pytest.param(folder, environment, wanted, id=f"{folder.name}-{environment}")
    for folder in sorted((HERE / "good").iterdir())
    for environment, wanted in yaml.safe_load((folder / "expected.yaml").read_text()).items()
]


def simple(value: object) -> object:
    """A value of the catalog as YAML can write it; sets in order."""
    if isinstance(value, Type):
        return str(value)
    if isinstance(value, ClaimPath):
        return {"paths": simple(value.paths), "split": value.split, "single_as_list": value.single_as_list}
    if is_dataclass(value):
        raise TypeError("point at a value inside of it")
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [simple(item) for item in value]
    return value


def reach(catalog: Catalog, path: str) -> object:
    """``products/operations.flights/columns/id/tags``."""
    found: object = catalog
    for step in path.split("/"):
        found = found[step] if hasattr(found, "keys") else getattr(found, step)  # type: ignore[index]
    return simple(list(found)) if hasattr(found, "keys") else simple(found)  # type: ignore[call-overload]


@pytest.mark.parametrize(("folder", "environment", "wanted"), EXPECTED)
def test_reads_what_is_written(folder: Path, environment: str, wanted: dict[str, object]) -> None:
    catalog = load_catalog(folder, None if environment == "base" else environment)
    assert {path: reach(catalog, path) for path in wanted} == wanted


@pytest.mark.parametrize("environment", [None, "dev", "staging", "prod"])
def test_the_example_loads_in_every_environment(environment: str | None) -> None:
    catalog = load_catalog(EXAMPLE, environment)
    assert {"operations.flights", "reference.airports", "customers.bookings"} <= set(catalog.products)


PRESETS = yaml.safe_load((HERE / "presets.yaml").read_text())


@pytest.mark.parametrize("row", PRESETS, ids=lambda row: f"{row['preset']}-{row['claim']}")
def test_presets_know_where_claims_stand(row: dict[str, object]) -> None:
    errors: list[object] = []
    text = f"claims: {{{row['claim']}: {{type: {row.get('type', 'list<string>')}}}}}"
    node = read_yaml(text.encode(), "c.yaml", errors)  # type: ignore[arg-type]
    assert isinstance(node, Entries)
    claim = read_settings(node, errors).claims[str(row["claim"])]  # type: ignore[arg-type]
    path = preset_path(str(row["preset"]), claim, ("gateway", "other"), row.get("namespace"))  # type: ignore[arg-type]
    assert errors == []
    assert (simple(path.paths), path.split) == (row["paths"], row.get("split"))


def test_version_follows_content_and_names_alone(tmp_path: Path) -> None:
    (tmp_path / "customhouse.yaml").write_text(BASE)
    (tmp_path / "customhouse.prod.yaml").write_text("zones: {}\n")
    first, files = load_catalog(tmp_path).version, digest_files(tmp_path, None)
    (tmp_path / "notes.yaml").write_text("x: 1\n")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.yaml").write_text("grants: []\n")
    assert load_catalog(tmp_path).version == first
    assert digest_files(tmp_path, None) != files, "policies count in the digest of all files"
    assert load_catalog(tmp_path, "prod").version != first
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "a.yaml").write_text("domains: {a: {}}\n")
    second = load_catalog(tmp_path).version
    assert second != first
    (tmp_path / "catalog" / "a.yaml").rename(tmp_path / "catalog" / "b.yaml")
    assert load_catalog(tmp_path).version not in (first, second)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("flights", ("flight", "flights", "Flight")),
        ("route_delays", ("routeDelay", "routeDelays", "RouteDelay")),
        ("companies", ("company", "companies", "Company")),
        ("ties", ("tie", "ties", "Tie")),
        ("boxes", ("box", "boxes", "Box")),
        ("addresses", ("address", "addresses", "Address")),
        ("weather", ("weatherByKey", "weather", "Weather")),
        ("status", ("statusByKey", "status", "Status")),
        ("gas", ("ga", "gas", "Ga")),
    ],
)
def test_default_graphql_names(name: str, names: tuple[str, str, str]) -> None:
    assert graphql_names(name) == names


def test_spellings() -> None:
    assert [camel(name) for name in ("dep_delay", "a__b", "x1_2", "id", "a_")] == ["depDelay", "aB", "x12", "id", "a"]
    assert [pascal(name) for name in ("dep_delay", "depDelay")] == ["DepDelay", "DepDelay"]


def test_units() -> None:
    assert [seconds(text) for text in ("250ms", "25s", "5m", "24h", "7d", "1w", "s", "1.5s", " 1s")] == [
        0.25, 25.0, 300.0, 86400.0, 604800.0, None, None, None, None,
    ]  # fmt: skip
    assert [size(text) for text in ("7B", "1kB", "1KB", "1KiB", "2MiB", "1GB", "1 MB", "1mb", "")] == [
        7, 1000, 1000, 1024, 2097152, 10**9, None, None, None,
    ]  # fmt: skip


def test_names_taken_in_a_schema_are_those_of_the_graphql_types() -> None:
    """Helper types, scalars and filters are listed twice: there as what is made, here as what a catalog may not use."""
    from schema.graphql import vocabulary
    from schema.load_names import FIXED_TYPES, TYPE_SUFFIXES

    assert set(TYPE_SUFFIXES) | {""} == set(vocabulary.MAKERS)
    fixed = {"Query", *vocabulary._SHARED, *vocabulary._SCALARS}
    assert fixed - FIXED_TYPES == set()
