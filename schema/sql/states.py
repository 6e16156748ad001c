"""States: the SQLSTATE of each of our codes, as tools that speak SQL know them (PostgreSQL's Appendix A)."""

from __future__ import annotations

from typing import Final

INTERNAL: Final = "XX000"
_STATES: Final = {
    "CH145": "08P01",
    "CH150": "57014",
    "CH160": "42601",
    "CH161": "0A000",
    "CH162": "22023",
    "CH233": "42P01",
    "CH234": "42703",
    "CH235": "42702",
    "CH166": "0A000",
    "CH167": "0A000",
    "CH168": "42804",
    "CH205": "42501",
    "CH451": "42501",
    "CH501": "08001",
    "CH502": "22000",
    "CH503": "57014",
    "CH504": "22023",
    "CH601": "54000",
    "CH602": "54000",
    "CH605": "54000",
    "CH606": "53200",
    "CH607": "54001",
    "CH608": "53300",
    "CH609": "54000",
}
_FAMILIES: Final = {"CH1": "08P01", "CH3": "28000", "CH6": "54000"}


def state_of(code: str) -> str:
    """The SQLSTATE of a code."""
    return _STATES.get(code) or _FAMILIES.get(code[:3]) or INTERNAL
