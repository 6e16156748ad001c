"""Options that several measurements take, all of them bounded."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence

from benchmarks.rounds import Load


def add_load(parser: argparse.ArgumentParser, workloads: Sequence[str]) -> None:
    """Which workloads, how long and how wide."""
    parser.add_argument("--workloads", type=names(workloads), default=list(workloads), help="such as W1,W6 (all)")
    parser.add_argument("--rounds", type=whole(1, 20), default=3, help="after one that warms up (3)")
    parser.add_argument("--seconds", type=whole(1, 10), default=3, help="of each run (3)")
    parser.add_argument("--connections", type=whole(1, 64), default=16, help="at once (16)")


def load_of(args: argparse.Namespace) -> Load:
    return Load(args.rounds, args.seconds, args.connections)


def names(known: Collection[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        if wrong := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"there is no {wrong[0]}; there are {', '.join(known)}")
        return chosen

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a number from {least} to {most}, not {text}")
        return int(text)

    return parse
