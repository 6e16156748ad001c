"""The command line: ``customhouse COMMAND``, one file per command.

A command's file has ``add(commands)``, which declares it, and ``run(args) -> int``, whose result is the exit code:
0 done, 1 something in the project or the data is wrong, 2 the command was used wrongly. Only the file of the command
that is asked for is imported, so that `customhouse token` does not wait for a web server.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

COMMANDS = (
    "serve", "token", "check", "schema", "explain", "bench", "access", "diff", "dictionary", "init", "policy",
    "sql", "documents", "gateway", "partner", "audit", "version",
)  # fmt: skip


class Command(Protocol):
    def add(self, commands: Commands) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    given = list(sys.argv[1:] if argv is None else argv)
    asked = [name for name in given[:1] if name in COMMANDS] or list(COMMANDS)
    parser = argparse.ArgumentParser(prog="customhouse", description="A governed GraphQL data gateway.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    modules = {name: _command(name) for name in asked}
    for module in modules.values():
        module.add(commands)
    args = parser.parse_args(given)
    try:
        return modules[args.command].run(args)
    except BrokenPipeError:  # whoever read our output has enough
        return 0
    except KeyboardInterrupt:
        return 130


def _command(name: str) -> Command:
    module: Command = importlib.import_module(f"app.cli.{name}")
    return module
