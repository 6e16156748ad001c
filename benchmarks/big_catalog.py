"""A catalog of 1,000 products with 20 columns each: time to load, to read a first query, to write all SDL; memory."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

from app.project import load_project
from policies.condition import Moment
from policies.visible import visible
from resolvers.frontends.graphql.frontend import GraphQLFrontEnd
from schema.caller import Caller
from schema.graphql import build

PRODUCTS, COLUMNS = 1000, 20
TYPES = ["bigint", "string", "integer", "float", "timestamp", "decimal(12,2)", "boolean", "date"]
SETTINGS = """version: 1
sources: {one: {kind: duckdb, url: one.duckdb}}
claims: {roles: {type: list<string>}}
issuers: {dev: {issuer: "https://dev.example", audiences: [customhouse], development: true, claims: {roles: roles}}}
zones: {internal: {issuers: [dev]}}
"""
POLICY = """grants:
  - {name: all, on: {products: ["*"]}, when: "'reader' IN claims.roles"}
masks:
  - {name: personal, on: {tag: pii}, mask: redact}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root)
        before = _megabytes()
        figures: dict[str, float] = {}
        started = time.perf_counter()
        project = load_project(root)
        figures["load catalog and policies, s"] = time.perf_counter() - started
        who = Caller("b", "b", "internal", {"roles": ("reader",)}, time.time() + 60, digest="b")
        started = time.perf_counter()
        names = visible(project.policies, project.catalog, who, Moment(0, None))
        figures["visible names of one caller, s"] = time.perf_counter() - started
        started = time.perf_counter()
        frontend = GraphQLFrontEnd(project.catalog, "internal")
        frontend.read("{ p7 { nodes { c1 next { c2 } } } }", None, names)
        figures["schema built as far as a first query needs, s"] = time.perf_counter() - started
        figures["memory so far, MiB"] = _megabytes() - before
        started = time.perf_counter()
        sdl = build(project.catalog, "internal").sdl
        figures["the whole SDL (command line only), s"] = time.perf_counter() - started
        figures["its size, MiB"] = len(sdl) / 2**20
        figures["memory with it, MiB"] = _megabytes() - before
    print(f"{PRODUCTS} products x {COLUMNS} columns\n\n| | |\n|---|--:|")
    for name, value in figures.items():
        print(f"| {name} | {value:.2f} |")


def _write(root: Path) -> None:
    (root / "catalog").mkdir()
    (root / "policies").mkdir()
    (root / "customhouse.yaml").write_text(SETTINGS)
    (root / "policies" / "all.yaml").write_text(POLICY)
    for part in range(10):
        lines = [f"domains: {{d{part}: {{description: A domain., steward: s@example.org}}}}", "products:"]
        for number in range(part * PRODUCTS // 10, (part + 1) * PRODUCTS // 10):
            lines += _product(part, number)
        (root / "catalog" / f"d{part}.yaml").write_text("\n".join(lines) + "\n")


def _product(part: int, number: int) -> list[str]:
    following = (number + 1) % PRODUCTS
    lines = [f"  d{part}.p{number}:", "    source: one", f"    table: p{number}", "    key: [c0]", "    columns:"]
    for column in range(COLUMNS):
        tags = ", tags: [pii]" if column == 1 else ""
        lines.append(f'      c{column}: {{type: "{TYPES[column % len(TYPES)]}", description: Column {column}.{tags}}}')
    target = f"d{following * 10 // PRODUCTS}.p{following}"
    return [*lines, "    relationships:", f"      next: {{to: {target}, on: {{c0: c0}}}}"]


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
