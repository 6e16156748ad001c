"""Whatever stands in the files, the loader gives a catalog or LoadErrors with places, and nothing else.

Sound and broken projects are mutated: bytes flipped, lines moved, words swapped for nasty ones, SQL made deep.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.errors import LoadErrors
from schema.load import load_catalog
from tests.catalog.project_case import Case, read_case

HERE = Path(__file__).parent
CASES = [read_case(path) for path in sorted((HERE / "bad").glob("*.yaml"))]
for folder in sorted((HERE / "good").iterdir()):
    texts = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.yaml")}
    texts.pop("expected.yaml")
    CASES += [Case("", texts, None, ""), Case("", texts, "prod", "")]

WORDS = [
    "null", "~", "[]", "{}", "true", "-1", "1e999", ".nan", "''", '"', "'", "*a", "&a", "!!int", "? ", "- ", "<<: ",
    "|", ">", "%", "@", "`", "\t", "\x00", "\u2028", "\ud7ff", "é", "a" * 5000, "(" * 300, "[" * 300, "{" * 300,
    "SELECT " * 300, "NOT " * 900, "CASE WHEN " * 300, "- " * 1500, "sales.orders", "secret:env:", "${secret:aws:x}",
    "list<", "array<" * 30, "struct<a: struct<", "decimal(9999,1)", "9" * 4000, "domains", "products", "version", "key",
    "'; DROP TABLE x; --", "operations.flights", "WITH RECURSIVE x AS (SELECT * FROM x) SELECT * FROM x", "\r", "---\n",
]  # fmt: skip

Edit = tuple[str, int, str]
edits = st.lists(
    st.tuples(
        st.sampled_from(["insert", "replace", "delete", "repeat", "swap", "indent"]),
        st.integers(0, 10_000),
        st.sampled_from(WORDS) | st.text(max_size=8),
    ),
    min_size=1,
    max_size=6,
)


def edited(text: str, edit: Edit) -> str:
    """One mutation, at a word or a line that the number picks."""
    kind, number, word = edit
    lines = text.split("\n")
    at = number % len(lines)
    if kind == "repeat":
        lines.insert(at, lines[number * 7 % len(lines)])
    elif kind == "swap":
        other = number * 7 % len(lines)
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "indent":
        lines[at] = " " * (number % 5) + lines[at].lstrip()
    else:
        words = lines[at].split(" ")
        spot = number % len(words)
        if kind == "insert":
            words.insert(spot, word)
        else:
            words[spot : spot + 1] = [word] if kind == "replace" else []
        lines[at] = " ".join(words)
    return "\n".join(lines)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(CASES), st.integers(0, 10), edits)
def test_mutated_projects_load_or_say_why(case: Case, which: int, changes: list[Edit]) -> None:
    files = dict(case.files) or {"customhouse.yaml": "version: 1\n"}
    name = sorted(files)[which % len(files)]
    for change in changes:
        files[name] = edited(files[name], change)
    check(Case("", files, case.environment, ""))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_load_or_say_why(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "customhouse.yaml").write_bytes(data)
        loads(root, None)


def check(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in case.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
        loads(root, case.environment)


def loads(root: Path, environment: str | None) -> None:
    try:
        load_catalog(root, environment)
    except LoadErrors as caught:
        assert caught.errors
        for error in caught.errors:
            assert error.place.line >= 1
            assert error.place.column >= 1
            assert error.code.startswith("CH2")
            assert error.sentence.endswith((".", "?"))
            assert "\n" not in str(error.sentence)
