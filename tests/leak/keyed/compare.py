"""Two houses whose worlds differ only in what a persona may not see are asked the same: the bytes must be equal, and so
must be what the sources were asked.

Values behind masks decide what a model that gets raw inputs is asked, so its own calls differ: that is meant
(docs/graphql.md), and its calls alone are not compared.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

import orjson

from tests.leak.house import rounded
from tests.leak.keyed.house import House
from tests.leak.keyed.questions import LEFT_OUT, Questioner, known
from tests.leak.keyed.seen import Persona

RAW = frozenset({"ml.cost", "ml.guess"})
BREAKABLE = ("feat.item_features", "feat.customer_scores", "ml.risk", "ml.cost", "ml.second")


@dataclass(frozen=True)
class Difference:
    """A question that is answered, or asked of the sources, in two ways: that is a leak."""

    persona: str
    question: str
    one: object
    other: object


@dataclass
class Pair:
    """Two houses, one persona, and what was found."""

    one: House
    other: House
    who: Persona
    asks: Questioner
    found: list[Difference] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    answered: int = 0

    async def question(self) -> None:
        """Ask one question of both; at times a source is down."""
        dice = self.asks.dice
        broken = {dice.choice(BREAKABLE)} if dice.random() < 0.1 else set()
        for house in (self.one, self.other):
            house.broken(broken)
        if dice.random() < 0.2 and {"orders", "stays"} & self.asks.columns.keys():
            first, then = self.asks.pages()
            said = await self._both(first)
            cursors = re.findall(rb'"(?:cursor|endCursor)":"([^"]+)"', said)
            for cursor in sorted(set(cursors))[:2]:
                await self._both(then.replace("@", cursor.decode()))
        else:
            await self._both(self.asks.question())

    async def _both(self, text: str) -> bytes:
        one, other = await self.one.ask(text, self.who), await self.other.ask(text, self.who)
        if one != other and rounded(orjson.loads(one)) != rounded(orjson.loads(other)):
            self.found.append(Difference(self.who.name, text, one.decode(), other.decode()))
        if b"CANARY-other" in one + other:
            self.found.append(Difference(self.who.name, text, one.decode(), other.decode()))
        asked, others = self._asked(self.one), self._asked(self.other)
        if asked != others and b'"CH501"' not in one:
            self.found.append(Difference(self.who.name, text, asked, others))
        self.codes |= {code.decode() for code in re.findall(rb"CH\d{3}", one)}
        self.answered += b'"errors"' not in one and one.startswith(b'{"data"')
        return one

    def _asked(self, house: House) -> list[tuple[str, str, object]]:
        return [asked for asked in house.asked() if asked[0] not in RAW or not self.who.audits]


def questioner(who: Persona, seed: int, tokens: list[str]) -> Questioner:
    left_out = LEFT_OUT if who.zone == "partner" else frozenset()
    return Questioner(random.Random(f"{who.name}/{seed}"), known(who), tokens, left_out=left_out)


async def tokens_of(house: House, who: Persona) -> list[str]:
    """The tokens that a persona is shown, and texts that are none."""
    said = await house.ask("{orders(first: 50) {nodes {customer}}}", who)
    house.asked()
    return [*sorted({found.decode() for found in re.findall(rb'"(tok_[^"]+)"', said)}), "tok_internal_0", "ann"]
