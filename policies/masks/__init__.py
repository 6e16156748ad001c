"""Masks: what a value looks like to those who may not see it. One mask is one file here (docs/adding-a-mask.md).

`parse_mask` reads what stands under ``mask:`` in a policy. Every mask gives the same value from SQL and from Python,
gives the column's own type, and never raises on any value.
"""

from __future__ import annotations

import importlib
import pkgutil

from policies.masks.registry import MaskFault, Wanted, parser_of, words
from policies.rules import Mask
from schema.errors import Place
from schema.types import Type

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

_NOWHERE = Place("policies")

__all__ = ["MaskFault", "mask_words", "parse_mask"]


def parse_mask(spec: object, column_type: Type, *, hide_nulls: bool = False, place: Place = _NOWHERE) -> Mask:
    """Read a mask for a column of this type.

    ``spec`` is a word, a mapping of one word to its arguments, or None (YAML's ``null``). ``hide_nulls`` is ``nulls:
    hide``: a NULL is masked like a value. Raises `MaskFault`, a ValueError, with a sentence for the steward.
    """
    word, arguments = _split(spec)
    return parser_of(word)(Wanted(word, arguments, column_type, hide_nulls, place))


def mask_words() -> tuple[str, ...]:
    """Every word that may stand under ``mask:``."""
    return words()


def _split(spec: object) -> tuple[str, object]:
    if spec is None:
        return "null", None
    if isinstance(spec, str):
        return spec, None
    if isinstance(spec, dict) and len(spec) == 1:
        ((word, arguments),) = spec.items()
        return "null" if word is None else str(word), None if arguments == {} else arguments
    raise MaskFault(
        "CH440",
        "A mask is one word, or one word with its arguments.",
        "For example  mask: redact  or  mask: {bucket: 100}",
    )
