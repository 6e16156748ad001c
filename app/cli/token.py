"""``customhouse token``: a bearer token for a demo persona, and nothing else on standard output."""

from __future__ import annotations

import argparse

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.personas import PersonaError, audience_for, issuer_of, load_personas, token_claims
from app.tokens.development import mint
from schema.errors import LoadErrors
from schema.load import load_catalog
from schema.load_units import seconds


def add(commands: Commands) -> None:
    parser = commands.add_parser("token", help="print a bearer token for a demo persona")
    add_project(parser)
    parser.add_argument("--as", dest="persona", metavar="PERSONA", help="whose token; without it, lists the personas")
    parser.add_argument("--purpose", metavar="PURPOSE", help="list only this purpose in the token")
    parser.add_argument("--zone", metavar="ZONE", help="for which zone (default: the first that takes it)")
    parser.add_argument("--lifetime", default="12h", metavar="TIME", help="how long it is valid, such as 15m (12h)")


def run(args: argparse.Namespace) -> int:
    lifetime = seconds(args.lifetime)
    if lifetime is None:
        say(f"--lifetime is written like 15m or 12h, not '{args.lifetime}'.")
        return 2
    try:
        personas = load_personas(args.project)
        if args.persona not in personas:
            if args.persona is not None:
                say(f"CH333 There is no persona '{args.persona}'.")
            for name, one in personas.items():
                say(f"  {name:<16} {one.description}")
            return 2
        persona = personas[args.persona]
        catalog = load_catalog(args.project, args.env)
        issuer = issuer_of(persona, catalog)
        audience = audience_for(persona, issuer, catalog, args.zone)
        claims = token_claims(persona, issuer, args.purpose)
    except LoadErrors as errors:
        return say_errors(errors)
    except PersonaError as error:
        say(str(error))
        return 1
    if issuer.max_lifetime is not None:
        lifetime = min(lifetime, issuer.max_lifetime)
    print(mint(issuer, args.project, persona.subject, claims, lifetime, audience=audience))
    return 0
