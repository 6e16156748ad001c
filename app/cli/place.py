"""Options that several commands share, and where a project is when nobody says."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from schema.errors import LoadErrors, Refusal, Refusals

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights"


def add_project(parser: argparse.ArgumentParser) -> None:
    """Add ``--project`` and ``--env``."""
    parser.add_argument(
        "--project",
        type=Path,
        default=default_project(),
        metavar="DIR",
        help="the project's directory (default: $CUSTOMHOUSE_PROJECT, the current one if it is a project, "
        "or the example of a checkout)",
    )
    parser.add_argument(
        "--env",
        default=os.environ.get("CUSTOMHOUSE_ENV") or None,
        metavar="NAME",
        help="the overlay that applies: dev, staging or prod (default: $CUSTOMHOUSE_ENV)",
    )


def default_project() -> Path:
    """$CUSTOMHOUSE_PROJECT, else the current directory where it is a project, else the checkout's example."""
    if named := os.environ.get("CUSTOMHOUSE_PROJECT"):
        return Path(named)
    if not Path("customhouse.yaml").is_file() and (_EXAMPLE / "customhouse.yaml").is_file():
        return _EXAMPLE
    return Path()


def say(text: str) -> None:
    """Tell the person at the terminal something that is not the command's output."""
    print(text, file=sys.stderr)


def say_errors(errors: LoadErrors) -> int:
    """Tell everything that is wrong with a project; gives the exit code."""
    say(str(errors))
    count = len(errors.errors)
    say(f"\n{count} error{'s' if count != 1 else ''}.")
    return 1


def say_refusal(refusal: Refusal | Refusals) -> None:
    """Tell what a caller is told."""
    for one in refusal.errors if isinstance(refusal, Refusals) else (refusal,):
        say(f"{one.code} {one.message}" + (f" {one.hint}" if one.hint else ""))
