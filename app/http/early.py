"""An answer that is given before anybody looks at who asks: to a preflight, to a foreign page, to one too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema.errors import Refusal

if TYPE_CHECKING:
    from app.http.exchange import RawHeaders


class Early(NamedTuple):
    """``why`` None: an empty answer, with status 200."""

    why: Refusal | None
    headers: RawHeaders
