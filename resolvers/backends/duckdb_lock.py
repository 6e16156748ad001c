"""What locks a DuckDB, wherever it is opened: no files, no network, no extensions, no Python objects, no statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LOCKED: Final[Mapping[str, str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
}
GLOBAL: Final[Mapping[str, str]] = {"TimeZone": "UTC", "disabled_optimizers": "statistics_propagation"}
"""What every cursor must have. What DuckDB knows of rows that a caller may not see must not change how a statement
ends; its statistics do: told that a column is NULL in all rows, DuckDB 2.0 fails to compare a constant mask of it."""
