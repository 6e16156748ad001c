"""The options with which a command is told what is asked."""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from resolvers.operation import Operation


def add_query(parser: argparse.ArgumentParser, help_: str = "GraphQL, or @FILE that holds it") -> None:
    """Add ``QUERY``, ``--operation`` and ``--variables``."""
    parser.add_argument("query", metavar="QUERY", help=help_)
    parser.add_argument("--operation", metavar="NAME", help="which operation, where the text holds several")
    parser.add_argument("--variables", default="{}", metavar="JSON", help="the operation's variables")


def asked(args: argparse.Namespace) -> Operation:
    """The operation that the options give. Raises ValueError with a sentence."""
    try:
        variables = orjson.loads(args.variables)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"--variables is not JSON: {error}.") from None
    if not isinstance(variables, dict):
        raise ValueError("--variables is a JSON object.")
    try:
        text = Path(args.query[1:]).read_text(encoding="utf-8") if args.query.startswith("@") else args.query
    except OSError as error:
        raise ValueError(f"{args.query[1:]} cannot be read: {error.strerror}.") from None
    return Operation("graphql", text, variables, args.operation)
