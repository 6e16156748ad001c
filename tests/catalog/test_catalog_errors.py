"""What the loader says of broken projects: bad/*.yaml, each with all it expects. CUSTOMHOUSE_GOLDENS=write rewrites."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from schema.errors import LoadErrors
from schema.load import load_catalog
from tests.catalog.project_case import BASE, read_case, written

HERE = Path(__file__).parent
CASES = sorted((HERE / "bad").glob("*.yaml"))
PAGES = HERE.parents[1] / "docs" / "errors"
OURS = [
    f"CH{number}"
    for number in (*range(201, 205), *range(206, 218), 218, *range(220, 227), *range(229, 233), 236, 247, 248, 249)
]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_says_all_that_is_wrong(path: Path, tmp_path: Path) -> None:
    case = read_case(path)
    with pytest.raises(LoadErrors) as caught:
        load_catalog(case.write(tmp_path), case.environment)
    said = str(caught.value)
    if os.environ.get("CUSTOMHOUSE_GOLDENS") == "write":
        path.write_text(written(case, said), encoding="utf-8")
    assert said == read_case(path).expected


def test_every_code_has_a_case_and_a_page() -> None:
    said = " ".join(read_case(path).expected for path in CASES)
    assert [code for code in OURS if code not in said] == []
    for code in [*OURS, "CH227", "CH228"]:
        assert (PAGES / f"{code}.md").read_text().startswith(f"# {code}: ")


def test_every_error_names_a_place_in_a_file_of_the_project() -> None:
    for path in CASES:
        for line in read_case(path).expected.splitlines():
            if not line.startswith("    Hint: "):
                assert re.match(r"[\w./-]+\.ya?ml:[1-9]\d*:[1-9]\d*  CH2\d\d \S.*[.]$", line), line


@pytest.mark.parametrize(
    ("data", "place", "code"),
    [
        (b"version: 1\nsources: \xff\n", "customhouse.yaml:2:10", "CH202"),
        (b"version: 1\nx: \x07\n", "customhouse.yaml:2:4", "CH202"),
        (b"\xef\xbb\xbfversion: 2\n", "customhouse.yaml:1:10", "CH209"),
        (b"\xff\xfev\x00e\x00", "customhouse.yaml:1:1", "CH202"),
        (b"", "customhouse.yaml:1:1", "CH208"),
        (b"# nothing\n", "customhouse.yaml:1:1", "CH208"),
        (b"just text", "customhouse.yaml:1:1", "CH207"),
        (b"[" * 5000, "customhouse.yaml:1:41", "CH202"),
        (b"a: " * 5000, "customhouse.yaml:1:5", "CH202"),
        (b"- " * 5000, "customhouse.yaml:1:81", "CH202"),
        (b"version: " + b"9" * 5000, "customhouse.yaml:1:10", "CH207"),
        (b"version: 1\r\nsources: 3\r\n", "customhouse.yaml:2:10", "CH207"),
    ],
)
def test_bytes_that_are_no_text_cases(tmp_path: Path, data: bytes, place: str, code: str) -> None:
    (tmp_path / "customhouse.yaml").write_bytes(data)
    with pytest.raises(LoadErrors) as caught:
        load_catalog(tmp_path)
    assert (str(caught.value.errors[0].place), caught.value.errors[0].code) == (place, code)


def test_an_alias_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (tmp_path / "customhouse.yaml").write_text("\n".join(lines))
    with pytest.raises(LoadErrors) as caught:
        load_catalog(tmp_path)
    assert "CH203" in {error.code for error in caught.value.errors}


def test_hidden_copies_of_a_mounted_volume_are_passed_over(tmp_path: Path) -> None:
    """Volumes that are swapped atomically keep their files a second time in hidden folders."""
    (tmp_path / "customhouse.yaml").write_text(BASE)
    real = tmp_path / "catalog" / "..2026_01_01"
    real.mkdir(parents=True)
    (real / "a.yaml").write_text("domains: {sales: {}}\n")
    (tmp_path / "catalog" / "a.yaml").symlink_to(real / "a.yaml")
    assert list(load_catalog(tmp_path).domains) == ["sales"]
