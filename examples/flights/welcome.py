"""What `make run` says before it serves: who there is to ask as, and lines to paste into another terminal.

Mints a token for every persona once, so that the development keys exist before the first request, and a persona that
cannot be used is told here rather than by a 401.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

import orjson

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from app.personas import PersonaError, issuer_of, load_personas, token_claims  # noqa: E402
from app.tokens.development import mint  # noqa: E402
from schema.errors import LoadErrors  # noqa: E402
from schema.load import load_catalog  # noqa: E402

FLIGHTS = "{ flights(first: 3) { nodes { carrier flight tailnum dest depDelay plane { model } } } }"
BOOKINGS = "{ bookings(first: 3) { nodes { passengerName email birthDate fare region } } }"
ASKED = (
    ("Everything, clear", "admin", None, FLIGHTS),
    ("The same question: United's flights only, tail numbers masked", "ops-united", None, FLIGHTS),
    ("The same question: a column that does not exist for this caller", "revenue", None, FLIGHTS),
    ("Bookings of EU residents, identity masked, fares in steps", "support-eu", None, BOOKINGS),
    ("Every region, identity masked", "fraud", None, BOOKINGS),
    ("The same question with a declared purpose: identity clear", "fraud", "fraud", BOOKINGS),
)
"""What the line shows, as whom, for which purpose, and the query."""


def mint_all() -> list[tuple[str, str]]:
    """A token for every persona, thrown away; gives names and descriptions. Raises PersonaError or LoadErrors."""
    catalog = load_catalog(HERE, os.environ.get("CUSTOMHOUSE_ENV") or "dev")
    personas = load_personas(HERE)
    for persona in personas.values():
        issuer = issuer_of(persona, catalog)
        mint(issuer, HERE, persona.subject, token_claims(persona, issuer, None), lifetime=60)
    return [(persona.name, persona.description) for persona in personas.values()]


def line(url: str, persona: str, purpose: str | None, query: str) -> str:
    """A curl line that works from any directory of this machine."""
    command = shlex.quote(str(ROOT / ".venv" / "bin" / "customhouse"))
    parts = [
        f"curl -s {url}/graphql",
        f'-H "Authorization: Bearer $({command} token --as {persona})"',
        "-H 'Content-Type: application/json'",
        *([f"-H 'X-Purpose: {purpose}'"] if purpose else []),
        f"-d {shlex.quote(orjson.dumps({'query': query}).decode())}",
    ]
    return " ".join(parts)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Say how to ask the flights example.")
    parser.add_argument("--port", type=int, default=8000)
    url = f"http://127.0.0.1:{parser.parse_args(arguments).port}"
    try:
        personas = mint_all()
    except (LoadErrors, PersonaError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\nCallers, with development keys made on this machine (never for anything but a demo):\n")
    for name, description in personas:
        print(f"  {name:<12} {description}")
    print("\nPaste any of these into another terminal:\n")
    for shown, persona, purpose, query in ASKED:
        print(f"# {shown} ({persona})\n{line(url, persona, purpose, query)}\n")
    print(f"In a browser: {url}/graphql    Stop with Ctrl-C.\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
