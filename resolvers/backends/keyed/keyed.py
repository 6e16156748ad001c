"""What answers by key. A back end is one file here and knows no caller and no policy.

A feature view is found by the key of its entity, a model's scoring by its inputs: both are a row of a product, found by
the product's key. So there is one protocol, and one conformance suite. Many keys are asked in one call; the runner
(`resolvers.lookups`) asks each key once, cuts long lists into calls of ``batch`` keys, and runs calls side by side.

    keys   [("EWR", "IAH"), ("JFK", "MIA")]                    natural Python values, in the order of Product.key
    rows   [{"origin": "EWR", .., "mean_delay_30d": 7.1}, None]   one per key, in the keys' order; None: no such entity

Values are natural Python ones (`schema.natural`) under the product's logical names; a column that the store
lacks for this entity is None. `values.py` reads what stores send.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from resolvers.backends.backend import Deadline
from resolvers.backends.places import Places
from schema.catalog import Product

Key = tuple[object, ...]
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Call:
    """For whom and until when. ``session`` are the tags that a cloud session is to carry, sorted by name; answers for
    one session are never another's. ``request_id`` is the gateway's, for the source's own
    log."""

    deadline: Deadline
    session: tuple[tuple[str, str], ...] = ()
    request_id: str = ""


class Keyed(Protocol):
    """A source that answers by key.

    `find` raises `Refusal` CH501 (down), CH502 (failed, or sent what cannot be read), CH503 (timed out), from
    `resolvers.backends.failures`: what the source said goes to the log, scrubbed, and never to a caller. A cancelled
    task ends the call. The constructor connects to nothing; a source that is down comes up later without a restart.
    """

    name: str

    @abstractmethod
    def batch(self, product: Product) -> int:
        """The most keys of one call."""

    @abstractmethod
    def fit(self, product: Product) -> None:
        """Raise ValueError with a sentence for a product that this source cannot answer for as it is declared: options
        that mean nothing, a key or types that have no place. Asks nobody, so what is not there at the source (a table,
        a model, a file) is not seen; called once for each product, before anything is served."""

    @abstractmethod
    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        """One row per key, in the keys' order. ``keys`` are different from each other, not empty, and at most
        ``batch``. ``columns`` are the logical columns that are wanted. The row of a feature view holds these and its
        key, and may hold more. The row of a model always holds all outputs, whatever is wanted, so that a scoring that
        is kept serves whoever asks next; it may hold inputs."""

    @abstractmethod
    async def check(self) -> None:
        """Raise `Refusal` CH501 unless the source answers."""

    @abstractmethod
    def places(self) -> list[Places]:
        """How full its pools are now. Asked every second, on the event loop."""

    @abstractmethod
    async def close(self) -> None: ...
