"""Named: a request that names a document, read and not yet understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from resolvers.operation import NOTHING


class Named(NamedTuple):
    """``reference`` is a hash or a name; ``hash`` and ``version`` are Apollo's; ``text`` came with them.
    ``parameters`` are those of a query string, each of which is a variable."""

    reference: str | None = None
    hash: str | None = None
    version: object = 1
    text: str | None = None
    variables: Mapping[str, object] = NOTHING
    name: str | None = None
    request_id: str = ""
    parameters: Sequence[tuple[str, str]] | None = None
