"""Ask the same question of the real house and of the reference house, and say where the answers differ."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from tests.leak.engines import EngineKind
from tests.leak.house import House, rounded
from tests.leak.perturb import perturbed
from tests.leak.questions import KINDS, Questioner
from tests.leak.reference import LEFT_OUT, PERSONAS, ROOTLESS, Persona, columns, governed, products
from tests.leak.reference_catalog import write_reference_project
from tests.leak.world import world

PROJECT = Path(__file__).parent / "project"
ADMIN = PERSONAS[0]
MASKED_KEYS = frozenset({"crm.badges"})


@dataclass(frozen=True)
class Difference:
    """A question whose answers differ: that is a leak or a loss, never noise."""

    persona: str
    question: str
    governed: str
    reference: str


def leak_questioner(persona: Persona, seed: int) -> Questioner:
    """Questions within what the persona may know."""
    visible = {product: sorted(columns(persona, product)) for product in sorted(products(persona))}
    unpaged = frozenset() if "platform" in persona.roles else MASKED_KEYS
    rootless = ROOTLESS if persona.zone == "partner" else {}
    return Questioner(random.Random(f"{persona.name}/{seed}"), visible, unpaged, _left_out(persona), rootless)


def _left_out(persona: Persona) -> frozenset[tuple[str, str]]:
    return frozenset(LEFT_OUT) if persona.zone == "partner" else frozenset()


def everything(persona: Persona, seed: int) -> Questioner:
    """Questions within it and beyond: one product more than the persona may know, and columns that they may not."""
    dice = random.Random(f"{persona.name}/{seed}/everything")
    known = {product: sorted(columns(persona, product)) for product in sorted(products(persona))}
    every = {product: sorted(kinds) for product, kinds in KINDS.items()}
    return Mixed(dice, known or every, beyond=every, left_out=_left_out(persona))


@dataclass
class Mixed(Questioner):
    """One question in five asks beyond what is known, where the errors must be the same too."""

    beyond: Mapping[str, list[str]] = field(default_factory=dict)

    def question(self) -> str:
        known = self.columns, self.left_out
        if self.dice.random() < 0.2:
            self.columns, self.left_out = self.beyond, frozenset()
        try:
            return super().question()
        finally:
            self.columns, self.left_out = known


def real_project(folder: Path, seed: int, engine: EngineKind) -> None:
    """The leak project with a world of this seed."""
    shutil.copytree(PROJECT, folder)
    engine.fill(folder, world(seed), False)


def reference_project(folder: Path, seed: int, persona: Persona, engine: EngineKind) -> None:
    """What independent Python says the persona may see, in databases without any policy."""
    write_reference_project(PROJECT, folder)
    engine.fill(folder, governed(world(seed), persona), True)


def other_project(folder: Path, seed: int, persona: Persona, engine: EngineKind) -> None:
    """The leak project with a world that differs only in what the persona may not see."""
    shutil.copytree(PROJECT, folder)
    engine.fill(folder, perturbed(world(seed), persona, seed), False)


async def leaks(real: House, reference: House, persona: Persona, asks: Questioner, found: list[Difference]) -> None:
    """Ask one question of both; the answers must be equal (lists without a common order as multisets)."""
    question = asks.question()
    mine = await real.ask(question, persona)
    theirs = await reference.ask(question, ADMIN)
    if comparable(mine, asks.unpaged) != comparable(theirs, asks.unpaged):
        found.append(Difference(persona.name, question, mine.decode(), theirs.decode()))


async def interference(real: House, other: House, persona: Persona, asks: Questioner, found: list[Difference]) -> None:
    """Ask one question of both; the bytes must be equal, errors included (but for the last digits of float sums)."""
    question = asks.question()
    one, two = await real.ask(question, persona), await other.ask(question, persona)
    for body in (one, two):
        assert b"CANARY-other" not in body, question
    if one != two and rounded(orjson.loads(one)) != rounded(orjson.loads(two)):
        found.append(Difference(persona.name, question, one.decode(), two.decode()))


def comparable(body: bytes, unpaged: frozenset[str]) -> object:
    value = rounded(orjson.loads(body))
    return _unordered(value) if unpaged else value


def _unordered(value: object) -> object:
    """Lists sorted by their text: where a key is masked, ties are broken by a hash that the reference does not know."""
    if isinstance(value, list):
        return sorted((_unordered(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, dict):
        return {key: _unordered(item) for key, item in value.items()}
    return value
