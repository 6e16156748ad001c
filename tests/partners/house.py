"""The project of these tests: twelve orders of four customers in the north, and one of each in the south."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb

from app.tokens.development import mint
from schema.load import load_catalog

PROJECT = Path(__file__).with_name("project")
SEED = (
    "CREATE TABLE customers (id INTEGER, name VARCHAR(20), region VARCHAR(20))",
    "CREATE TABLE orders (id INTEGER, customer_id INTEGER, region VARCHAR(20))",
    "INSERT INTO customers VALUES (1, 'Ana', 'north'), (2, 'Ben', 'north'), (3, 'Cleo', 'north'), (4, 'Dora', 'north'),"
    " (9, 'Zoe', 'south')",
    "INSERT INTO orders VALUES "
    + ", ".join(f"({id_}, {id_ % 4 + 1 if id_ < 12 else 'NULL'}, 'north')" for id_ in range(1, 13))
    + ", (99, 9, 'south')",
)


def place(folder: Path, more: Mapping[str, str] | None = None) -> Path:
    """A copy of the project with its database; ``more`` are changes of the settings' text."""
    shutil.copytree(PROJECT, folder)
    settings = folder / "customhouse.yaml"
    text = settings.read_text()
    for before, after in (more or {}).items():
        assert before in text
        text = text.replace(before, after)
    settings.write_text(text)
    with duckdb.connect(str(folder / "shop.duckdb")) as database:
        for statement in SEED:
            database.execute(statement)
    return folder


@functools.cache
def token(folder: Path, partner: str | None, region: str = "north") -> str:
    """A token for a partner; None: of nobody's."""
    issuer = load_catalog(folder, None).issuers["dev"]
    claims = {"region": region} if partner is None else {"region": region, "partner": partner}
    return mint(issuer, folder, "somebody", claims, 3600)
