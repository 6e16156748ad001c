"""``customhouse audit``: look at an audit trail. ``verify`` proves that it is whole; ``mark`` gives what stands in it
for a subject."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from app.audit.verify import verify
from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.keyring import KeyringError, keyring
from app.marks import subject_mark
from app.project import load_project
from schema.errors import LoadErrors


def add(commands: Commands) -> None:
    parser = commands.add_parser("audit", help="prove that an audit trail is whole; find a subject in it")
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)
    proving = parts.add_parser("verify", help="exit code 1 and the place where a trail is broken")
    proving.add_argument("files", nargs="+", type=Path, metavar="FILE", help="the files of a trail, in any order")
    proving.add_argument(
        "--heads", action="append", default=[], type=Path, metavar="FILE", help="heads kept elsewhere, such as a log"
    )
    proving.add_argument("--partial", action="store_true", help="chains may begin or end in files that are not given")
    marking = parts.add_parser("mark", help="what stands for a subject, where it stands as a hash")
    add_project(marking)
    marking.add_argument("--zone", required=True, metavar="ZONE")
    marking.add_argument("--issuer", required=True, metavar="URL", help="the token's 'iss'")
    marking.add_argument("--dev-keys", action="store_true", help="with the project's development keys")
    marking.add_argument("subject", metavar="SUBJECT", help="the token's 'sub'")


def run(args: argparse.Namespace) -> int:
    return _verify(args) if args.part == "verify" else _mark(args)


def _verify(args: argparse.Namespace) -> int:
    try:
        found = verify(args.files, args.heads, args.partial)
    except OSError as error:
        say(f"Cannot read {error.filename}: {error.strerror}.")
        return 2
    for sentence in found.said():
        print(sentence)
    for sentence in found.breaks:
        say(f"CH342 {sentence}")
    if found.breaks:
        return 1
    print(f"ok: {found.records} records in {len(found.chains)} chains")
    return 0


def _mark(args: argparse.Namespace) -> int:
    try:
        zone = load_project(args.project, args.env).catalog.zones.get(args.zone)
        if zone is None:
            say(f"The project has no zone '{args.zone}'.")
            return 2
        keys = keyring(args.zone, os.environ, args.project, args.dev_keys, zone.master_key, zone.restricted)
    except LoadErrors as errors:
        return say_errors(errors)
    except KeyringError as error:
        say(str(error))
        return 2
    print(subject_mark(args.issuer, args.subject, keys["log"]))
    return 0
