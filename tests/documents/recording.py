"""`customhouse serve`, with every text that it parses written to a file before it is parsed.

python tests/documents/recording.py FILE PROJECT ZONE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from graphql import DocumentNode, parse

import app.http.read
import resolvers.frontends.graphql.reading
from app.cli import main


def recorded(file: Path) -> None:
    """Put a parser that writes down what it is given in both places where a request's text is parsed."""
    file.touch()

    def spy(source: str, **options: object) -> DocumentNode:
        with file.open("a", encoding="utf-8") as written:
            written.write(json.dumps(source) + "\n")
        return parse(source, **options)  # type: ignore[arg-type]

    app.http.read.parse = spy  # type: ignore[assignment,attr-defined]
    resolvers.frontends.graphql.reading.parse = spy  # type: ignore[assignment,attr-defined]


if __name__ == "__main__":
    recorded(Path(sys.argv[1]))
    sys.exit(main(["serve", "--project", sys.argv[2], "--zone", sys.argv[3], "--dev-keys"]))
