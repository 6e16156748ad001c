"""``customhouse version``."""

from __future__ import annotations

import argparse
from importlib.metadata import PackageNotFoundError, version

from app.cli import Commands


def add(commands: Commands) -> None:
    commands.add_parser("version", help="print the version")


def run(_: argparse.Namespace) -> int:
    try:
        print(f"customhouse {version('customhouse')}")
    except PackageNotFoundError:  # a checkout that was not installed
        print("customhouse (not installed)")
    return 0
