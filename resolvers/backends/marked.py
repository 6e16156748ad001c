"""Dialects of engines without array binds: marks instead of binds, which `binding.expand` spells for the driver."""

from __future__ import annotations

import re

from sqlglot import exp

from resolvers.backends.lowering import Lowering
from resolvers.backends.spelling import word
from schema.query import Slot

_MARK = re.compile(r"/\*(bind|list):\d+\*/")


class Marked(Lowering):
    """Scalars are ``/*bind:N*/``, lists stand inside ``IN (/*list:N*/)``."""

    def scalar(self, slot: Slot, at: int, node: exp.Placeholder) -> exp.Expression:
        return word(f"/*bind:{at}*/")

    def list_bind(self, slot: Slot, at: int) -> exp.Expression:
        return word(f"/*list:{at}*/")

    def member(self, value: exp.Expression, listed: exp.Expression, slot: Slot) -> exp.Expression:
        return exp.Paren(this=exp.In(this=value, expressions=[listed]))

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Literal | exp.Identifier) and _MARK.search(node.name):
            raise ValueError("a literal or name may not hold the text of a bind mark")
        return node
