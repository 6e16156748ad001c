"""The version of what runs, as records say it."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path


def version() -> str:
    try:
        return installed("customhouse")
    except PackageNotFoundError:  # a checkout, which is run where it stands
        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
        return str(project["project"]["version"])
