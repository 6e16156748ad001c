"""A project of 1,000 products for W12: TPC-H's, and beside them products that nobody asks for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.place import PROJECT, run_folder

PRODUCTS, COLUMNS, DOMAINS = 1000, 20, 10
_TYPES = ("bigint", "string", "integer", "float", "timestamp", "decimal(12,2)", "boolean", "date")
_POLICY = """grants:
  - {name: fillers-for-analysts, on: {tag: filler}, when: "'analyst' IN claims.roles"}
masks:
  - {name: filler-note, on: {tag: note}, mask: redact, reveal_when: "claims.pii"}
"""


def large_project() -> Path:
    """The project's folder, written anew; keys that were made there before stay."""
    folder = run_folder() / "large"
    for part in ("catalog", "policies"):
        shutil.rmtree(folder / part, ignore_errors=True)
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".run"))
    (folder / "policies" / "fillers.yaml").write_text(_POLICY)
    own = sum(text.count("\n    table:") for text in _texts(PROJECT / "catalog"))
    for domain in range(DOMAINS):
        numbers = range(domain, PRODUCTS - own, DOMAINS)
        (folder / "catalog" / f"filler{domain}.yaml").write_text("\n".join(_domain(domain, numbers)) + "\n")
    return folder


def _texts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.yaml")):
        yield path.read_text()


def _domain(domain: int, numbers: range) -> Iterator[str]:
    yield f"domains: {{filler{domain}: {{description: Filler, steward: s@customhouse.example, tags: [filler]}}}}"
    yield "products:"
    for number in numbers:
        yield f"  filler{domain}.filler{number}s:"
        yield from ("    source: tpch", f"    table: filler{number}", "    key: [c0]", "    columns:")
        for column in range(COLUMNS):
            tags = ", tags: [note]" if column == 1 else ""
            yield f'      c{column}: {{type: "{_TYPES[column % len(_TYPES)]}", description: Column {column}{tags}}}'
        following = number + DOMAINS if number + DOMAINS in numbers else numbers[0]
        yield f"    relationships: {{next: {{to: filler{domain}.filler{following}s, on: {{c0: c0}}}}}}"
