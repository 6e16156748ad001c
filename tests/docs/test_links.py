"""Every relative link in a Markdown file leads to a file, and its anchor to a heading."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.tree import ROOT, documents, name

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.M | re.S)


def anchors(text: str) -> set[str]:
    """The anchors of a file's headings, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} +(.+?) *$", _FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-") for heading in headings}


def broken(path: Path) -> list[str]:
    found = []
    for link in _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists():
            found.append(f"{link} (no such file)")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            found.append(f"{link} (no such heading)")
    return found


def test_links_lead_somewhere() -> None:
    assert {name(path): links for path in documents() if (links := broken(path))} == {}


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](missing.md) [b](#here) [c](#there) [d](https://example.org/x)\n```\n[e](code.md)\n```\n"
    )
    assert broken(page) == ["missing.md (no such file)", "#there (no such heading)"]


def test_the_index_lists_every_document() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in documents() if path.parent == ROOT / "docs"} - {"index.md"}
    assert pages - set(_LINK.findall(index)) == set()
