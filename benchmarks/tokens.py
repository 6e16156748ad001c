"""Who asks: one analyst, and for W10 ten thousand; the same claims for every server, signed as each wants it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import yaml

from app.tokens.development import mint
from benchmarks.peers.place import sign
from benchmarks.place import PROJECT, run_folder
from schema.load import load_catalog

SUBJECTS, SETS = 10_000, 12
_WEEK = 7 * 86_400.0
Sign = Callable[[str, dict[str, object]], str]


def analyst() -> dict[str, object]:
    """The claims of the project's persona."""
    personas = yaml.safe_load((PROJECT / "personas.yaml").read_text())
    return dict(personas["analyst"]["claims"])


def nations(number: int) -> list[int]:
    """One of twelve sets of about half the nations."""
    return [nation for nation in range(25) if (nation + number) % SETS < SETS // 2]


def gateway_signer(project: Path = PROJECT) -> Sign:
    """Signs with the project's development key, as `customhouse token` does."""
    issuer = load_catalog(project, None).issuers["bench"]
    return lambda subject, claims: mint(issuer, project, subject, claims, _WEEK)


def peer_signer() -> Sign:
    return sign


def bearer(sign: Sign) -> str:
    """The authorization of the analyst."""
    return f"Bearer {sign('bench', analyst())}"


def subjects(name: str, sign: Sign) -> Path:
    """A file of ten thousand authorizations, no two of them alike."""
    path = run_folder() / f"subjects-{name}"
    claims = analyst()
    lines = (f"Bearer {sign(f'bench-{n}', {**claims, 'nations': nations(n % SETS)})}\n" for n in range(SUBJECTS))
    with private(path) as file:
        file.writelines(lines)
    return path


def private(path: Path) -> TextIO:
    """A text file to write, readable by its owner alone: tokens are in it."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
