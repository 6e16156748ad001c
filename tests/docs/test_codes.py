"""Every error code that the code names has a page that explains it, and no page explains a code that is gone."""

from __future__ import annotations

import ast
import re

from tests.docs.tree import ROOT, name, sources

_CODE = re.compile(r"\bCH[1-6][0-9]{2}\b")
PAGES = ROOT / "docs" / "errors"


def raised() -> dict[str, str]:
    """The codes that stand in string literals other than docstrings, each with a file that has it."""
    found: dict[str, str] = {}
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                found |= dict.fromkeys(_CODE.findall(node.value), name(path))
    return found


def explained() -> set[str]:
    return {page.stem for page in PAGES.glob("CH*.md")}


def test_every_code_has_a_page() -> None:
    assert {code: file for code, file in raised().items() if code not in explained()} == {}


def test_every_page_has_a_code() -> None:
    assert explained() - raised().keys() == set()


def test_pages_have_a_title_and_a_text() -> None:
    wrong = []
    for page in PAGES.glob("CH*.md"):
        title, _, rest = page.read_text(encoding="utf-8").partition("\n")
        if not re.fullmatch(rf"# {page.stem}: \S.*", title) or not rest.strip():
            wrong.append(page.name)
    assert wrong == []
