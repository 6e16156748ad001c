"""The four top-level packages that Python imports are this project's: PyPI has a package named `schema`, too."""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path

import pytest

from tests.docs.tree import PACKAGES, ROOT


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_is_ours(package: str) -> None:
    file = importlib.import_module(package).__file__
    assert file is not None
    assert Path(file).resolve() == ROOT / package / "__init__.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_installed_has_its_name(package: str) -> None:
    """Installed packages come before the checkout on the path, so one of these names would take ours over."""
    owners = set(importlib.metadata.packages_distributions().get(package, []))
    assert owners <= {"customhouse"}
