"""Write a model's signature as an entry of the catalog. What nobody but the steward knows is marked for review."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from app.steward.init_model_signature import Put, Signature
from app.steward.init_names import Fields
from app.steward.init_write import plain, quoted

_REVIEW = "  # REVIEW: what is it, who answers for it?"


def entry(made: Signature, id_: str, source: str, domain: bool, graphql: tuple[str, str, str] | None) -> str:
    """The catalog file of one model. ``domain``: its domain is new; ``graphql``: names other than the defaults."""
    lines = []
    if domain:
        lines = ["domains:", f'  {plain(id_.partition(".")[0])}: {{description: "", steward: ""}}{_REVIEW}', ""]
    return "\n".join([*lines, "products:", *_product(made, id_, source, graphql)]) + "\n"


def _product(made: Signature, id_: str, source: str, graphql: tuple[str, str, str] | None) -> Iterator[str]:
    yield f"  {id_}:"
    yield '    description: ""  # REVIEW: what does it say, of what?'
    yield f"    source: {plain(source)}"
    if graphql is not None:
        _, plural, type_ = graphql
        yield f"    graphql: {{singular: predict{type_}, plural: {plain(plural)}, type: {plain(type_)}}}"
    yield "    model:"
    yield f"      name: {quoted(made.name)}"
    unsaid = "  # REVIEW: nothing says which version it is" if made.version is None else ""
    yield f"      version: {quoted(made.version or '1')}{unsaid}"
    for note in made.notes:
        yield f"      # {_line(note)}"
    fields = Fields()
    yield "      inputs:"
    yield from _puts(made.inputs, fields)
    yield "      outputs:"
    yield from _puts(made.outputs, fields)
    yield "      deterministic: false  # REVIEW: true where equal inputs give equal outputs; they may then be kept"
    if made.options:
        yield f"      options: {_flow(made.options)}"
    yield '      card: {training_data: "", intended_use: ""}  # REVIEW: what must whoever uses it know?'


def _puts(puts: Sequence[Put], fields: Fields) -> Iterator[str]:
    for at, put in enumerate(puts, 1):
        if put.type is None:
            yield f"        # left out: {quoted(put.physical)}: {_line(put.note)}"
            continue
        name = fields.column(put.physical, at)
        parts = [f"type: {quoted(put.type) if re.search(r'[<,]', put.type) else put.type}"]
        if put.physical != name:
            parts.append(f"column: {quoted(put.physical)}")
        if put.nullable:
            parts.append("nullable: true")
        yield f"        {plain(name)}: {{{', '.join(parts)}}}"
        if put.note:
            yield f"        # {_line(put.note)}"


def _flow(value: object) -> str:
    """A mapping of texts in YAML's flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(inner)}" for name, inner in value.items()) + "}"
    return quoted(str(value))


def _line(text: str) -> str:
    """A comment that stays one, whatever a server calls its tensors."""
    return quoted(text)[1:-1].replace('\\"', '"')
