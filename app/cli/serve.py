"""``customhouse serve``: answer requests for zones of a project."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.keyring import KeyringError
from app.parts import PARTS
from app.serve import serve
from app.settings import VARIABLES, SettingError, StartError, read_settings
from schema.errors import LoadErrors


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "serve",
        help="answer requests for one zone, or for several at an address each",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="environment:\n" + "\n".join(f"  {name}\n      {said}" for name, said in VARIABLES.items()),
    )
    add_project(parser)
    parser.add_argument(
        "--zone",
        action="append",
        default=[],
        metavar="ZONE",
        help="which zone; may be given several times (default: every zone, where one at most has no `listen:`)",
    )
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="the port of the only zone, or of the one that has no `listen:`; 0 picks a free one "
        "(default: $PORT or 8000)",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="the address to listen on, where a zone of several does not say its own (default: $HOST or 127.0.0.1)",
    )
    parser.add_argument("--workers", metavar="N", help="how many processes (default: $CUSTOMHOUSE_WORKERS or 1)")
    parser.add_argument(
        "--dev-keys",
        action="store_true",
        help="make and accept development keys, kept in the project's .run folder; listens on loopback only",
    )


def run(args: argparse.Namespace) -> int:
    try:
        said = {} if args.workers is None else {"CUSTOMHOUSE_WORKERS": args.workers}
        settings = read_settings({**os.environ, **said})
        settings = replace(
            settings,
            project=args.project,
            environment=args.env,
            dev_keys=args.dev_keys,
            host=settings.host if args.host is None else args.host,
            port=settings.port if args.port is None else args.port,
        )
        serve(settings, args.zone, PARTS)
    except LoadErrors as errors:
        return say_errors(errors)
    except (SettingError, StartError, KeyringError) as error:
        say(str(error))
        return 2
    except OSError as error:
        say(f"Cannot listen on {error.filename}: {error.strerror}.")
        return 1
    return 0
