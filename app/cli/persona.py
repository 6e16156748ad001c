"""The options with which a command is told whose eyes to use."""

from __future__ import annotations

import argparse

from app.personas import PersonaError, load_personas
from app.project import Project
from app.steward.papers import caller_of
from schema.caller import Caller
from schema.names import did_you_mean


def add_persona(parser: argparse.ArgumentParser, required: bool) -> None:
    """Add ``--as``, ``--purpose`` and ``--zone``."""
    parser.add_argument("--as", dest="persona", required=required, metavar="PERSONA", help="one of personas.yaml")
    parser.add_argument("--purpose", metavar="PURPOSE", help="a purpose that the persona may state (default: none)")
    parser.add_argument("--zone", metavar="ZONE", help="which zone (default: the persona's first)")


def chosen(project: Project, args: argparse.Namespace) -> Caller:
    """The caller that the options name. Raises PersonaError."""
    personas = load_personas(project.root)
    if args.persona not in personas:
        hint = did_you_mean(args.persona, personas) or f"There are: {', '.join(personas)}."
        raise PersonaError(f"CH333 There is no persona '{args.persona}'. {hint}")
    return caller_of(personas[args.persona], project.catalog, args.zone, args.purpose)
