"""The desk: what a zone does with a request that names a document, and, in a zone of trusted documents, with any.

1. A registered document is found by its hash or name: nothing is hashed or parsed. Its variables are held to bounds.
2. A text is a registered document if its hash is. In a zone of trusted documents everything else ends here, before
   anything is parsed, with one and the same refusal.
3. A registered document that names what its caller may not know is none for that caller.
4. Elsewhere Apollo's automatic persisted documents are kept: by `answered`, once the engine has answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from app.documents.automatic import Automatic
from app.documents.bounds import check
from app.documents.named import Named
from app.documents.parameters import read_parameters
from app.documents.registry import Documents, Registered
from app.documents.source import sha256
from resolvers.operation import Operation
from schema.errors import Refusal

Asked = Operation | Named
Knows = Callable[[str], Awaitable[bool]]
"""Whether the caller may know every name in a document."""


class Unkept(Refusal):
    """Apollo's word for "send the text": a step of its protocol, so the status is that of a refused document."""


class Desk:
    """A zone's documents. ``trusted``: nothing else is answered. ``most``: how many texts ``automatic`` may hold."""

    __slots__ = ("_automatic", "_documents", "_most", "trusted")

    def __init__(self, documents: Documents, trusted: bool, automatic: Automatic, most: int) -> None:
        self.trusted = trusted
        self._documents, self._automatic, self._most = documents, automatic, 0 if trusted else most

    async def operation(self, asked: Asked, knows: Knows) -> Operation:
        """What is to be answered to whom ``knows`` knows of. Raises Refusal CH170 to CH177."""
        found = self._registered(asked)
        if found is not None and not await knows(found.text):
            raise unregistered()
        if isinstance(asked, Operation):
            return self._text(asked, found)
        if asked.reference is not None:
            return self._referred(asked, found)
        return self._same(asked, found) if self.trusted else self._apollo(asked, asked.hash or "", found)

    def _registered(self, asked: Asked) -> Registered | None:
        if isinstance(asked, Operation):
            return self._documents.by_hash.get(sha256(asked.text)) if self.trusted else None
        if asked.reference is not None:
            return self._documents.find(asked.reference)
        return self._documents.by_hash.get(asked.hash or "")

    def answered(self, asked: Named) -> None:
        """Keep the text that came with its hash, now that it has been answered."""
        if self._most and asked.text is not None and asked.hash and asked.hash not in self._documents.by_hash:
            self._automatic.keep(asked.hash, asked.text, self._most)

    def _text(self, asked: Operation, found: Registered | None) -> Operation:
        if not self.trusted:
            return asked
        if found is None:
            raise unregistered()
        return _bounded(found, asked.variables, asked.name, asked.request_id)

    def _referred(self, asked: Named, found: Registered | None) -> Operation:
        if asked.hash is not None or (asked.text is not None and not self.trusted):
            raise unregistered() if self.trusted else _both()
        if found is None or asked.parameters is None:
            return self._same(asked, found)
        variables = read_parameters(found.variables, asked.parameters)
        return _bounded(found, variables, None, asked.request_id)

    def _same(self, asked: Named, found: Registered | None) -> Operation:
        """The document, unless there is none or another text came with its name."""
        if found is None or not _first(asked.version) or (asked.text is not None and asked.text != found.text):
            raise unregistered()
        return _bounded(found, asked.variables, asked.name, asked.request_id)

    def _apollo(self, asked: Named, hash_: str, found: Registered | None) -> Operation:
        if not _first(asked.version):
            raise Refusal("CH175", "Unsupported persisted query version", "Send version 1.")
        if found is not None and asked.text in (None, found.text):
            return _bounded(found, asked.variables, asked.name, asked.request_id)
        if not self._most:
            raise Unkept("CH177", "PersistedQueryNotSupported", "Send the query's text alone.")
        kept = self._automatic.find(hash_)
        text = kept if asked.text is None else asked.text
        if text is None:
            raise Unkept("CH173", "PersistedQueryNotFound", "Send the query's text with its hash.")
        if text != kept and sha256(text) != hash_:
            raise Refusal("CH174", "provided sha does not match query", "Send the SHA-256 of the query's text, in hex.")
        return Operation("graphql", text, asked.variables, asked.name, asked.request_id)


def _first(version: object) -> bool:
    return version == 1 and not isinstance(version, bool)


def _bounded(found: Registered, variables: Mapping[str, object], name: str | None, request_id: str) -> Operation:
    check(found.variables, variables)
    own = None if name == found.name else name
    return Operation("graphql", found.text, variables, own, request_id, registered=(found.name, found.hash))


def unregistered() -> Refusal:
    """The one refusal of whatever is no registered document: it tells nothing of what there is."""
    return Refusal("CH170", "This is no registered document.", "Ask a registered document, by its hash.")


def _both() -> Refusal:
    return Refusal("CH172", "The request names a document in two ways.", "Send one of documentId, query and hash.")
