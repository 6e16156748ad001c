"""``customhouse partner``: what there is to do about the partners of a zone."""

from __future__ import annotations

import argparse

from app.cli import Commands, partner_kit


def add(commands: Commands) -> None:
    parser = commands.add_parser("partner", help="the partners of a zone")
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)
    partner_kit.add(parts)


def run(args: argparse.Namespace) -> int:
    done: int = args.run_part(args)
    return done
