"""``customhouse version``."""

from __future__ import annotations

import argparse

from app.cli import Commands
from app.version import version


def add(commands: Commands) -> None:
    commands.add_parser("version", help="print the version")


def run(_: argparse.Namespace) -> int:
    print(f"customhouse {version()}")
    return 0
