"""From an entity's key to the one name that a store knows it by, as a template spells it.

    "route:{origin}:{dest}"    ("EWR", "IAH")   ->  "route:EWR:IAH"
                               ("E:R", "IAH")   ->  "route:E%3AR:IAH"

Two keys never get one name. In every place but the last, `%` and each character that the template has between two
places are percent-escaped; so the first such character ends the value. The last value, and the only one of a template
with one place, stands as it is. Whoever fills the store spells the names in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from resolvers.backends.keyed.keyed import Key
from resolvers.backends.keyed.values import to_text
from schema.catalog import Product

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """``before`` are the texts before each place, ``places`` their positions in the key, ``after`` the text at the
    end."""

    before: tuple[str, ...]
    places: tuple[int, ...]
    after: str
    escapes: Mapping[int, str]

    def name(self, key: Key) -> str | None:
        """The name of an entity; None where a part of the key that it needs is null, since null names nothing."""
        parts: list[str] = []
        last = len(self.places) - 1
        for at, (text, place) in enumerate(zip(self.before, self.places, strict=True)):
            value = key[place]
            if value is None:
                return None
            spelt = to_text(value)
            parts += (text, spelt if at == last else spelt.translate(self.escapes))
        return "".join((*parts, self.after))


@lru_cache(maxsize=1024)
def template(text: str, columns: tuple[str, ...], fixed: bool = False) -> Template:
    """Read a template over the logical key columns; a ``fixed`` one may name none of them. Raises ValueError with a
    sentence for one that names something else, or that has nothing between two places."""
    literals, names = _PLACE.split(text)[::2], _PLACE.findall(text)
    for name in names:
        if name not in columns:
            raise ValueError(f"the key template names '{name}', which is no key column; there are {', '.join(columns)}")
    if not names and not fixed:
        raise ValueError(f"the key template names no key column; there are {', '.join(columns)}")
    if "" in literals[1:-1]:
        raise ValueError("the key template needs a text between two places, or two entities could share a name")
    between = {"%", *"".join(literals[1:-1])}
    escapes = {ord(char): "".join(f"%{byte:02X}" for byte in char.encode()) for char in between}
    return Template(tuple(literals[:-1]), tuple(columns.index(name) for name in names), literals[-1], escapes)


def whole_key(text: str, product: Product) -> Template:
    """A template that names every key column of a product."""
    made = template(text, product.key)
    missing = [name for at, name in enumerate(product.key) if at not in made.places]
    if missing:
        raise ValueError(f"the key template leaves out the key column '{missing[0]}'")
    return made
