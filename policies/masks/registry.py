"""The register of masks: which word is read by which parser, and how a parser asks for its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from policies.fault import Fault
from policies.rules import Mask
from schema.errors import Place
from schema.types import Kind, Type


class MaskFault(Fault, ValueError):
    """What is wrong with a mask: CH440 form, CH441 type, CH442 argument, CH443 pattern, CH444 nulls."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mask as the steward wrote it. ``arguments`` is None where the word stands alone."""

    word: str
    arguments: object
    type: Type
    hide_nulls: bool
    place: Place

    def only_for(self, kinds: frozenset[Kind] | set[Kind], hint: str) -> None:
        """Refuse columns whose type the mask cannot give back. Raises `MaskFault` CH441."""
        if self.type.kind not in kinds:
            raise MaskFault("CH441", f"The mask '{self.word}' cannot give a {self.type}.", hint)

    def no_arguments(self) -> None:
        if self.arguments is not None:
            raise MaskFault("CH442", f"The mask '{self.word}' takes no arguments.", f"Write  mask: {self.word}")

    def keeps_nulls(self, why: str) -> None:
        """Refuse ``nulls: hide`` where no value can stand for an unknown one. Raises `MaskFault` CH444."""
        if self.hide_nulls:
            raise MaskFault("CH444", f"The mask '{self.word}' cannot hide nulls: {why}.", "Use default or constant.")

    def mapping(self, *names: str) -> Mapping[str, object]:
        """The arguments by name, all of them known. None stands for no arguments."""
        given = {} if self.arguments is None else self.arguments
        if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
            raise MaskFault("CH442", f"The arguments of '{self.word}' are a mapping of {', '.join(names)}.")
        for name in given:
            if name not in names:
                raise MaskFault("CH442", f"The mask '{self.word}' has no argument '{name}'; it has {', '.join(names)}.")
        return given

    def whole(self, value: object, what: str, low: int, high: int) -> int:
        """A whole number in a range. Raises `MaskFault` CH442."""
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise MaskFault("CH442", f"{what} is a whole number from {low} to {high}, not {value!r}.")
        return value


Parser = Callable[[Wanted], Mask]
_PARSERS: dict[str, Parser] = {}


def mask(word: str) -> Callable[[Parser], Parser]:
    """Register a parser under the word stewards write."""

    def add(parser: Parser) -> Parser:
        if word in _PARSERS:
            raise ValueError(f"two masks are called {word!r}")
        _PARSERS[word] = parser
        return parser

    return add


def words() -> tuple[str, ...]:
    return tuple(sorted(_PARSERS))


def parser_of(word: str) -> Parser:
    """Raises `MaskFault` CH440 for a word that names no mask."""
    if word not in _PARSERS:
        raise MaskFault("CH440", f"There is no mask '{word}'.", f"Masks are {', '.join(words())}.")
    return _PARSERS[word]
