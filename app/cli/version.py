"""``customhouse version``."""

from __future__ import annotations

import argparse
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.cli import Commands


def add(commands: Commands) -> None:
    commands.add_parser("version", help="print the version")


def run(_: argparse.Namespace) -> int:
    try:
        print(f"customhouse {version('customhouse')}")
    except PackageNotFoundError:  # a checkout, which is run where it stands
        project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
        print(f"customhouse {project['project']['version']}")
    return 0
