"""SageMaker Feature Store: one record for each entity in the online store of a feature group.

1. Each key becomes the record identifier: the one column's value as text, or several joined by the product's option
   ``separator`` (default ``|``), in key order; ``key`` gives a template instead (`resolvers.backends.keyed.names`).
2. One key is GetRecord, several are BatchGetRecord, at most 100, for the wanted features only. Identifiers that are
   left unprocessed, and records that failed for a passing reason, are asked again, with growing pauses, until the
   deadline.

All values are text (`resolvers.backends.keyed.values.from_text`). The event time is a feature like the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from resolvers.backends.failures import failed
from resolvers.backends.keyed.aws import Aws, Said, options_of
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.names import Template, whole_key
from resolvers.backends.keyed.options import known, text, whole
from resolvers.backends.keyed.rows import asked, row
from resolvers.backends.keyed.values import from_text
from resolvers.backends.places import Places
from schema.catalog import Product, Source
from schema.types import Kind, Type

_SERVICE = "sagemaker-featurestore-runtime"
_MOST = 100
_LASTING = frozenset({"AccessForbidden", "ResourceNotFound", "ValidationError"})
_NOBODY = "customhouse-check"
Record = Mapping[str, object]


class SageMakerFeatures:
    """Options: those of all AWS kinds (`resolvers.backends.keyed.aws`), ``batch`` (keys of a call, 100)."""

    def __init__(self, source: Source, url: str) -> None:
        options_of(source)
        self.name = source.name
        self._batch = whole(source.options, "batch", _MOST, _MOST)
        self._aws = Aws(source, url)

    def batch(self, product: Product) -> int:
        return self._batch

    def fit(self, product: Product) -> None:
        _template(product)

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        try:
            spell = _template(product)
            fields = asked(product, columns)
            names = [spell.name(key) or None for key in keys]
            wanted = [name for name in names if name is not None]
            features = [field.physical for field in fields]
            records = await self._records(product.physical[0], wanted, features, call) if wanted else {}
            found = [None if name is None else records.get(name) for name in names]
            return [
                None if record is None else row(product, key, fields, record, _read)
                for key, record in zip(keys, found, strict=True)
            ]
        except (ValueError, KeyError, Said) as error:
            raise failed(self.name, error) from None

    async def _records(self, group: str, names: list[str], features: list[str], call: Call) -> dict[str, Record]:
        """The records that there are, by identifier."""
        what: dict[str, object] = {"FeatureNames": features} if features else {}
        if len(names) == 1:
            answer = await self._aws.call(
                _SERVICE,
                "get_record",
                {"FeatureGroupName": group, "RecordIdentifierValueAsString": names[0], **what},
                call,
            )
            return {names[0]: _record(answer["Record"])} if answer.get("Record") else {}
        found: dict[str, Record] = {}
        pending, attempt = names, 0
        while pending:
            identifiers = [{"FeatureGroupName": group, "RecordIdentifiersValueAsString": pending, **what}]
            answer = await self._aws.call(_SERVICE, "batch_get_record", {"Identifiers": identifiers}, call)
            for record in answer["Records"]:
                found[record["RecordIdentifierValueAsString"]] = _record(record["Record"])
            pending = _again(answer, frozenset(pending) - found.keys())
            if pending:
                await self._aws.pause(attempt, call.deadline)
            attempt += 1
        return found

    async def check(self) -> None:
        arguments = {"FeatureGroupName": _NOBODY, "RecordIdentifierValueAsString": _NOBODY}
        await self._aws.reach(_SERVICE, "get_record", arguments)

    def places(self) -> list[Places]:
        return [self._aws.places()]

    async def close(self) -> None:
        await self._aws.close()


def _again(answer: Mapping[str, Any], asked_for: frozenset[str]) -> list[str]:
    """The identifiers to ask again. Raises Said where one failed for good: its entity may well be there."""
    codes = {str(error["ErrorCode"]) for error in answer["Errors"]}
    if lasting := sorted(codes & _LASTING):
        raise Said(f"BatchGetRecord answered {lasting[0]} for a record")
    left = {error["RecordIdentifierValueAsString"] for error in answer["Errors"]}
    for identifier in answer["UnprocessedIdentifiers"]:
        left.update(identifier["RecordIdentifiersValueAsString"])
    return sorted(left & asked_for)


def _record(features: Sequence[Mapping[str, object]]) -> Record:
    """Values by feature: a text, or a list of texts for a collection."""
    return {
        str(feature["FeatureName"]): feature.get("ValueAsString", feature.get("ValueAsStringList"))
        for feature in features
    }


def _read(value: object, type_: Type) -> object:
    if isinstance(value, str):
        return from_text(value, type_)
    if not isinstance(value, list) or type_.kind is not Kind.ARRAY or type_.item is None:
        raise ValueError("a list is no single value")
    return [from_text(item, type_.item) for item in value]


def _template(product: Product) -> Template:
    options = product.features.options if product.features else {}
    known(options, ("key", "separator"), "a feature view in sagemaker_features")
    given, separator = text(options, "key"), text(options, "separator")
    if given is not None and separator is not None:
        raise ValueError("options 'key' and 'separator' both say how the identifier is made")
    return whole_key(given or (separator or "|").join(f"{{{name}}}" for name in product.key), product)
