"""Odd directories and environments: said as LoadErrors, like everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.errors import LoadErrors
from schema.load import digest_files, load_catalog
from tests.catalog.project_case import BASE


@pytest.mark.parametrize("environment", ["", "../x", "a/b", "x" * 300, "a\x00b", "prod\n", ".."])
def test_environments_that_are_no_names(tmp_path: Path, environment: str) -> None:
    (tmp_path / "customhouse.yaml").write_text(BASE)
    (tmp_path / "customhouse...yaml").write_text("zones: {}\n")
    with pytest.raises(LoadErrors) as caught:
        load_catalog(tmp_path, environment)
    assert [error.code for error in caught.value.errors] == ["CH201"]
    assert digest_files(tmp_path, environment) == digest_files(tmp_path, None)


def test_a_project_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for project in (tmp_path / "file", tmp_path / "missing"):
        with pytest.raises(LoadErrors) as caught:
            load_catalog(project)
        assert {error.code for error in caught.value.errors} == {"CH201"}


def test_a_directory_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "customhouse.yaml").mkdir()
    with pytest.raises(LoadErrors) as caught:
        load_catalog(tmp_path)
    assert "cannot be read" in str(caught.value)


def test_names_of_another_file_are_not_missed_while_it_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "customhouse.yaml").write_text(BASE)
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "a.yaml").write_text("domains: {sales: {}\n")
    (tmp_path / "catalog" / "b.yaml").write_text(
        "products: {sales.orders: {source: nowhere, table: t, key: [id], columns: {id: bigint}}}\n"
    )
    with pytest.raises(LoadErrors) as caught:
        load_catalog(tmp_path)
    assert [error.code for error in caught.value.errors] == ["CH202"]
