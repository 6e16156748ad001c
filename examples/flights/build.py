"""Build the example's warehouse: data/flights.duckdb, from the Parquet files beside it and a seed.

1. Digest everything the result depends on: inputs, this file, the SQL, the seed, the number of bookings, DuckDB.
2. A warehouse that carries the same digest stays as it is.
3. Else run flights.sql (real data), features.sql (made of it) and bookings.sql (synthetic passengers) into a new file
   beside it.
4. Put the new file in place by one rename: a reader sees the old warehouse or the new one, never half of one.

Usage: python examples/flights/build.py [--bookings N] [--to FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
WAREHOUSE = DATA / "flights.duckdb"
SCRIPTS = (HERE / "flights.sql", HERE / "features.sql", HERE / "bookings.sql")
SEED = 2013
BOOKINGS = 50_000

FIRST_NAMES = """Ada Aisha Alan Amina Anders Anika Astrid Ben Björn Carla Chen Chiara Claire Daniel Diego Elena Emeka
Emil Erik Fatima Fiona Freya Gabriel Grace Hana Hugo Ines Ivan Jack Jana Jorge Julia Kenji Kofi Lars Layla Lena Leo
Liam Lin Lucía Maeve Marco María Mei Mohammed Nadia Niamh Noah Nora Olga Oliver Oscar Priya Rania Ravi Renée Rosa
Samir Sara Sébastien Sofia Tariq Théo Thomas Uma Victor Wei Yara Yusuf Zara Zoë""".split()
LAST_NAMES = """Abara Almeida Andersson Banerjee Bauer Becker Bernard Brennan Byrne Campbell Castillo Chan Costa Dahl
Demir Dubois Evans Fischer Fofana Fontaine Garcia Goldberg Gupta Haddad Hansen Hayes Hoffmann Hughes Ibrahim Ivanova
Jensen Johansson Kaur Keane Kelly Khan Kim Kovács Krüger Laurent Lefèvre Lindqvist Lopez MacLeod Martin Mbeki Mensah
Meyer Morales Moreau Müller Murphy Nakamura Nguyen Nowak Okafor Olsen O'Neill Park Patel Pereira Petit Quinn Reyes
Rossi Santos Schneider Schäfer Silva Singh Smith Suzuki Svensson Tanaka Taylor Walsh Wang Weber Wilson Wood Yilmaz
Zhang""".split()
AGENCIES = [None, None, "Blue Atlas", "Harbour Lane", "Meridian Travel", "Northgate Tours"]
"""Partner agencies, made up; none (a third of all bookings) is a booking at the airline itself."""


def digest_of(bookings: int, seed: int) -> str:
    """What the warehouse depends on, in one word."""
    digest = hashlib.sha256(f"{duckdb.__version__} {bookings} {seed}".encode())
    for file in (Path(__file__), *SCRIPTS, *sorted(DATA.glob("*.parquet"))):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def built_from(warehouse: Path) -> str | None:
    """The digest a warehouse was built from (it stands in the comment on bookings), or None where it cannot be read."""
    if not warehouse.exists():
        return None
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            row = connection.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'bookings'").fetchone()
    except duckdb.Error:  # written by another version, or cut short: build it again
        return None
    return str(row[0]).rpartition(" ")[2] if row and row[0] else None


def write(warehouse: Path, bookings: int, seed: int) -> None:
    """Run the scripts into a file that does not exist yet."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        variables = {
            "data": f"{DATA}{os.sep}",
            "seed": seed,
            "bookings": bookings,
            "first_names": FIRST_NAMES,
            "last_names": LAST_NAMES,
            "agencies": AGENCIES,
        }
        for name, value in variables.items():
            connection.execute(f"SET VARIABLE {name} = $1", [value])
        for script in SCRIPTS:
            connection.execute(script.read_text(encoding="utf-8"))
        label = f"Synthetic bookings on real flights, seed {seed}, build {digest_of(bookings, seed)}"
        connection.execute(f"COMMENT ON TABLE bookings IS '{label}'")
        connection.execute("CHECKPOINT")


def build(warehouse: Path = WAREHOUSE, bookings: int = BOOKINGS, seed: int = SEED) -> bool:
    """Build the warehouse unless it is there already. True when it was built."""
    if built_from(warehouse) == digest_of(bookings, seed):
        return False
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    fresh = warehouse.with_name(f".{warehouse.name}.{os.getpid()}.tmp")
    try:
        fresh.unlink(missing_ok=True)
        write(fresh, bookings, seed)
        fresh.replace(warehouse)
    finally:
        for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):
            left.unlink(missing_ok=True)
    return True


def _count(text: str) -> int:
    count = int(text.replace("_", "").replace(",", ""))
    if not 1 <= count <= 100_000_000:
        raise argparse.ArgumentTypeError("must be between 1 and 100,000,000")
    return count


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the warehouse of the flights example.")
    parser.add_argument(
        "--bookings", type=_count, default=BOOKINGS, help="how many synthetic bookings (default 50,000)"
    )
    parser.add_argument("--to", type=Path, default=WAREHOUSE, help="the file to build (default data/flights.duckdb)")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    if build(chosen.to, chosen.bookings):
        print(f"built {chosen.to.name}: 336,776 real flights, {chosen.bookings:,} synthetic bookings "
              f"({time.monotonic() - began:.1f} s)")  # fmt: skip
    else:
        print(f"{chosen.to.name} is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
