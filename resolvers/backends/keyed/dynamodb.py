"""DynamoDB: one item for each entity, its attributes the features.

1. Each key becomes the item's key. Without options the key's one column is the partition key, two are partition and
   sort key, under their physical names. The product's option ``key`` says it otherwise, partition key first:
   ``{pk: "ROUTE#{origin}#{dest}", sk: FEATURES}``. A template gives a text (`resolvers.backends.keyed.names`); one that
   is a single place and nothing else keeps the column's type.
2. BatchGetItem for all keys of a call, at most 100, of the wanted attributes only. Keys that DynamoDB leaves
   unprocessed are asked again, with growing pauses, until the deadline.

Reads are eventually consistent unless the product's option ``consistent`` is true. Physical names are those of
top-level attributes; a dot in one is part of the name. Does not promise: one moment for all items of a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from resolvers.backends.failures import failed
from resolvers.backends.keyed.aws import Aws, options_of
from resolvers.backends.keyed.dynamodb_values import Attribute, identity, key_attribute, read
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.names import Template, template
from resolvers.backends.keyed.options import flag, known, whole
from resolvers.backends.keyed.rows import asked, row
from resolvers.backends.places import Places
from schema.catalog import Product, Source

_SERVICE = "dynamodb"
_MOST = 100
Item = Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class _KeyOf:
    """How the key of an item is made: by attribute, either the position of a key column or a template."""

    parts: Mapping[str, int | Template]

    def item(self, key: Key) -> dict[str, Attribute] | None:
        """The key of an item; None where no item can have it."""
        made: dict[str, Attribute] = {}
        for name, part in self.parts.items():
            value = key[part] if isinstance(part, int) else part.name(key)
            attribute = None if value is None else key_attribute(value)
            if attribute is None:
                return None
            made[name] = attribute
        return made

    def identity(self, item: Item) -> tuple[object, ...]:
        return tuple(identity(item[name]) for name in self.parts)


class DynamoDB:
    """Options: those of all AWS kinds (`resolvers.backends.keyed.aws`), ``batch`` (keys of a call, 100)."""

    def __init__(self, source: Source, url: str) -> None:
        options_of(source)
        self.name = source.name
        self._batch = whole(source.options, "batch", _MOST, _MOST)
        self._aws = Aws(source, url)

    def batch(self, product: Product) -> int:
        return self._batch

    def fit(self, product: Product) -> None:
        _key_of(product)
        _consistent(product)

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        try:
            key_of = _key_of(product)
            fields = asked(product, columns)
            items = [key_of.item(key) for key in keys]
            wanted = [item for item in items if item is not None]
            names = [*key_of.parts, *(field.physical for field in fields)]
            found = {key_of.identity(item): item for item in await self._items(product, wanted, names, call)}
            rows: list[Row | None] = []
            for key, item in zip(keys, items, strict=True):
                there = None if item is None else found.get(key_of.identity(item))
                rows.append(None if there is None else row(product, key, fields, there, read))
            return rows
        except (ValueError, KeyError) as error:
            raise failed(self.name, error) from None

    async def _items(
        self, product: Product, keys: Sequence[Mapping[str, Attribute]], names: Sequence[str], call: Call
    ) -> list[Item]:
        places = {f"#n{at}": name for at, name in enumerate(dict.fromkeys(names))}
        pending: Mapping[str, object] = {
            product.physical[0]: {
                "Keys": keys,
                "ProjectionExpression": ",".join(places),
                "ExpressionAttributeNames": places,
                "ConsistentRead": _consistent(product),
            }
        }
        found: list[Item] = []
        attempt = 0
        while keys and pending:
            answer = await self._aws.call(_SERVICE, "batch_get_item", {"RequestItems": pending}, call)
            for items in answer["Responses"].values():
                found += cast(list[Item], items)
            pending = answer.get("UnprocessedKeys") or {}
            if pending:
                await self._aws.pause(attempt, call.deadline)
            attempt += 1
        return found

    async def check(self) -> None:
        await self._aws.reach(_SERVICE, "list_tables", {"Limit": 1})

    def places(self) -> list[Places]:
        return [self._aws.places()]

    async def close(self) -> None:
        await self._aws.close()


def _consistent(product: Product) -> bool:
    return flag(product.features.options if product.features else {}, "consistent")


def _key_of(product: Product) -> _KeyOf:
    options = product.features.options if product.features else {}
    known(options, ("consistent", "key"), "a feature view in dynamodb")
    given = options.get("key")
    if given is None:
        if len(product.key) > 2:
            raise ValueError(
                "a key of more than two columns needs option 'key', since an item has one or two attributes"
            )
        return _KeyOf({product.columns[name].physical: at for at, name in enumerate(product.key)})
    if not isinstance(given, Mapping) or not 1 <= len(given) <= 2:
        raise ValueError("option 'key' gives one or two attributes a template, the partition key first")
    parts = {str(name): _part(spelt, product) for name, spelt in given.items()}
    named = {at for part in parts.values() for at in ((part,) if isinstance(part, int) else part.places)}
    missing = [name for at, name in enumerate(product.key) if at not in named]
    if missing:
        raise ValueError(f"option 'key' leaves out the key column '{missing[0]}'")
    return _KeyOf(parts)


def _part(spelt: object, product: Product) -> int | Template:
    if not isinstance(spelt, str) or not spelt:
        raise ValueError("option 'key' gives one or two attributes a template, the partition key first")
    if spelt[1:-1] in product.key and spelt == f"{{{spelt[1:-1]}}}":
        return product.key.index(spelt[1:-1])
    return template(spelt, product.key, fixed=True)
