"""What is wrong with one predicate or one rule, before its place is known."""

from __future__ import annotations

from schema.errors import LoadError, Place


class Fault(Exception):
    """Something in a policy's text that cannot be accepted. Becomes a `LoadError` where the place is known."""

    def __init__(self, code: str, sentence: str, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.hint = code, sentence, hint

    def at(self, place: Place, prefix: str = "") -> LoadError:
        """The same, at its place. ``prefix`` says in which rule."""
        return LoadError(place, self.code, prefix + self.sentence, self.hint)
