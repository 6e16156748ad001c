"""What can go wrong and how it is said. Every code has a page under docs/errors/; a code is never reused.

Families: CH1xx request, CH2xx catalog names, CH3xx token, CH4xx policy, CH5xx source, CH6xx limits.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: a file (relative to the project), a line and a column, both from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Refusal(Exception):
    """A request that is not answered. The message and hint reach the caller; driver text never stands in them.

    ``status`` is the HTTP status; ``path`` and ``locations`` are those of a GraphQL error. ``retry_after`` is in how
    many seconds it is worth asking again, where that is known. ``rules`` are the policy's rules that refused: for those
    who count, never for the caller.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        status: int = 400,
        locations: tuple[tuple[int, int], ...] = (),
        path: tuple[str | int, ...] = (),
        retry_after: int | None = None,
        rules: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.status = code, message, hint, status
        self.locations, self.path, self.retry_after, self.rules = locations, path, retry_after, rules


class Refusals(Exception):
    """Several refusals of one request (a document may break several rules). The status is that of the first."""

    def __init__(self, errors: tuple[Refusal, ...]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class LoadError:
    """One thing wrong in a project's files."""

    place: Place
    code: str
    sentence: str
    hint: str | None = None

    def __str__(self) -> str:
        line = f"{self.place}  {self.code} {self.sentence}"
        return line if self.hint is None else f"{line}\n    Hint: {self.hint} See docs/errors/{self.code}.md"


class LoadErrors(Exception):
    """Everything wrong in a project's files, found in one go."""

    def __init__(self, errors: list[LoadError]) -> None:
        self.errors = sorted(errors, key=lambda e: (e.place.file, e.place.line, e.place.column, e.code))
        super().__init__("\n".join(str(error) for error in self.errors))
