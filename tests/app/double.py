"""A gateway whose engine is a double, run as a process: it answers the words of `WORDS`, so that a test of HTTP needs
no database and can ask for slowness, failure and size. Everything in front of the engine is the real thing.

    python tests/app/double.py PROJECT ZONE[,ZONE ..] [--dev-keys]
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import orjson

from app.keyring import KeyringError
from app.project import Project, load_project
from app.serve import serve
from app.settings import StartError, read_settings
from app.work import Parts
from resolvers.operation import Answer, Operation
from schema.caller import Caller
from schema.catalog import Source
from schema.errors import LoadErrors, Refusal, Refusals
from schema.visible import VisibleSet

CANARY = "canary-in-a-driver-text"
COUNTS = {"begun": 0, "cancelled": 0, "closed": 0}


class Double:
    """Answers a word per query; what is no word is refused as an unknown name is."""

    def __init__(self, project: Project) -> None:
        self.project = project

    async def answer(self, operation: Operation, caller: Caller, before: object = None) -> Answer:
        word = operation.text.strip("{} \n")
        if operation.name is not None and operation.name not in operation.text:
            raise Refusal("CH103", "There is no such operation.")
        if word.startswith("#"):
            raise Refusal("CH101", "The document cannot be parsed.", locations=((1, 1),))
        said = await self._said(word, operation, caller)
        return said if isinstance(said, Answer) else Answer(orjson.dumps({"data": {word: said}}), 200, {"run": 1.5})

    async def _said(self, word: str, operation: Operation, caller: Caller) -> object:
        match word:
            case "ok" | "query Q { ok":
                return True
            case "variables":
                return dict(operation.variables)
            case "whoami":
                return [caller.subject, caller.purpose, caller.zone, caller.region, dict(caller.claims), caller.digest]
            case "request":
                return operation.request_id
            case "version":
                return self.project.fingerprint
            case "counts":
                return dict(COUNTS)
            case "sleep" | "nap":
                return await _sleep(30.0 if word == "sleep" else 1.0)
            case "boom":
                raise RuntimeError(CANARY)
            case "denied":
                raise Refusal("CH499", "Not for you.", status=403)
            case "two":
                raise Refusals((Refusal("CH204", "First."), Refusal("CH205", "Second.", "Hint.", path=("a", 1))))
            case "partial":
                return Answer(b'{"data":{"a":null},"errors":[{"message":"x"}]}', 294)
            case "page":
                return "x" * 60_000
            case "big":
                return "x" * 5_000_000
        raise Refusal("CH202", "There is no such field.", locations=((1, 3),))

    async def knows(self, caller: Caller, text: str) -> bool:
        return True

    def visible(self, caller: Caller) -> VisibleSet:
        return VisibleSet(caller.zone, {}, {}, "0")

    async def close(self) -> None:
        COUNTS["closed"] += 1


async def _sleep(seconds: float) -> bool:
    COUNTS["begun"] += 1
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        COUNTS["cancelled"] += 1
        raise
    return True


def _engine(project: Project, *_: object) -> Double:
    return Double(project)


def _no_source(source: Source, _: Path) -> NoReturn:
    raise AssertionError(source.name)


async def _explain(_: object, operation: Operation, caller: Caller, before: object) -> object:
    return {"query": operation.text, "purpose": caller.purpose}


def main() -> None:
    settings = replace(read_settings(os.environ), project=Path(sys.argv[1]), dev_keys="--dev-keys" in sys.argv)
    parts = Parts(
        load_project, _no_source, _no_source, _engine, lambda serving, caller: {"zone": caller.zone}, _explain
    )
    try:
        serve(settings, sys.argv[2].split(","), parts)
    except (LoadErrors, StartError, KeyringError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
