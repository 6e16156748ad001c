"""What a browser sees at /graphql: a short page on how to ask, or GraphiQL where `make graphiql` has put its files."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
GRAPHIQL = STATIC / "graphiql"
FILES = {
    "react.production.min.js": "text/javascript; charset=utf-8",
    "react-dom.production.min.js": "text/javascript; charset=utf-8",
    "graphiql.min.js": "text/javascript; charset=utf-8",
    "graphiql.min.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
}
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    b"img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def has_graphiql() -> bool:
    return (GRAPHIQL / "graphiql.min.js").is_file()


def page() -> bytes:
    """The page for a browser."""
    return (STATIC / ("graphiql.html" if has_graphiql() else "index.html")).read_bytes()


def asset(name: str) -> tuple[bytes, str] | None:
    """One of GraphiQL's files with its media type; None for any other name."""
    path = STATIC / name if name == "start.js" else GRAPHIQL / name
    if name not in FILES or not path.is_file():
        return None
    return path.read_bytes(), FILES[name]
