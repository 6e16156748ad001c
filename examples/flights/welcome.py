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
PARTNERS = (
    ("One of the agency's own bookings: its customer by tokens", "agency", "Booking?bookingId=15"),
    ("The flights of a day, of every airline", "agency", "FlightsOfDay?origin=JFK&dest=LAX&month=12&day=1&first=3"),
    (
        "The same question: Delta's flights only",
        "airline-dl",
        "FlightsOfDay?origin=JFK&dest=LAX&month=12&day=1&first=3",
    ),
    ("Delta's passengers from Germany, in groups of 20 or more", "airline-dl", "PassengersByCabin?country=DE"),
)
"""What partners ask: what the line shows, as whom, and the registered question."""


def mint_all() -> list[tuple[str, str]]:
    """A token for every persona, thrown away; gives names and descriptions. Raises PersonaError or LoadErrors."""
    catalog = load_catalog(HERE, os.environ.get("CUSTOMHOUSE_ENV") or "dev")
    personas = load_personas(HERE)
    for persona in personas.values():
        issuer = issuer_of(persona, catalog)
        mint(issuer, HERE, persona.subject, token_claims(persona, issuer, None), lifetime=60)
    return [(persona.name, persona.description) for persona in personas.values()]


def partner_port() -> int:
    """Where the zone of partners is served."""
    zone = load_catalog(HERE, os.environ.get("CUSTOMHOUSE_ENV") or "dev").zones["partner"]
    if zone.listen is None:
        raise ValueError("zone partner has no listener of its own")
    return zone.listen.port


def bearer(persona: str) -> str:
    """The header with a new token of a persona, for a shell in any directory of this machine."""
    command = shlex.quote(str(ROOT / ".venv" / "bin" / "customhouse"))
    return f'-H "Authorization: Bearer $({command} token --as {persona})"'


def line(url: str, persona: str, purpose: str | None, query: str) -> str:
    """A curl line with a query in its body."""
    parts = [
        f"curl -s {url}/graphql",
        bearer(persona),
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
    outside = f"http://127.0.0.1:{partner_port()}"
    print(f"Partners ask at {outside}, registered questions only:\n")
    for shown, persona, question in PARTNERS:
        print(f"# {shown} ({persona})\ncurl -s {shlex.quote(f'{outside}/q/{question}')} {bearer(persona)}\n")
    print(f"In a browser: {url}/graphql    Stop with Ctrl-C.\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
