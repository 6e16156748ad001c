"""SageMaker Feature Store through the real client, against a stand-in of some forty lines.

No package implements the service, so this proves the client's side only: that what is sent is what the service's model
in botocore describes, and that what the model describes is read rightly. How AWS behaves is not proven here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from resolvers.backends.keyed.keyed import Key, Keyed
from resolvers.backends.keyed.registry import open_keyed
from resolvers.backends.keyed.sagemaker_features import SageMakerFeatures
from resolvers.backends.keyed.values import to_text
from schema.catalog import Place, Product, Source
from schema.errors import Refusal
from tests.keyed.conformance import CANARY, FeatureHouse, Features, soon
from tests.keyed.moto import REGION
from tests.keyed.products import view
from tests.keyed.stand import Request, Stand
from tests.keyed.wire import Wire


class OnlineStore:
    """Feature groups in memory: group, identifier, feature, value."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, dict[str, str | list[str]]]] = {}

    def __call__(self, request: Request) -> tuple[int, object]:
        url = urlsplit(request.path)
        if url.path == "/BatchGetRecord":
            (asked,) = json.loads(request.body)["Identifiers"]
            group, ids = asked["FeatureGroupName"], asked["RecordIdentifiersValueAsString"]
            wanted = asked.get("FeatureNames")
        else:
            query = parse_qs(url.query, keep_blank_values=True)
            group, ids = unquote(url.path.rsplit("/", 1)[1]), query["RecordIdentifierValueAsString"]
            wanted = query.get("FeatureName")
        if group not in self.groups:
            return 404, {"__type": "ResourceNotFound", "Message": f"no group {group}, {CANARY}"}
        found = {id_: self.record(group, id_, wanted) for id_ in ids if id_ in self.groups[group]}
        if url.path != "/BatchGetRecord":
            return 200, {"Record": found[ids[0]]} if found else {}
        records = [
            {"FeatureGroupName": group, "RecordIdentifierValueAsString": id_, "Record": record}
            for id_, record in reversed(found.items())
        ]
        return 200, {"Records": records, "Errors": [], "UnprocessedIdentifiers": []}

    def record(self, group: str, id_: str, wanted: Sequence[str] | None) -> list[dict[str, object]]:
        return [
            {"FeatureName": name, "ValueAsString" if isinstance(value, str) else "ValueAsStringList": value}
            for name, value in self.groups[group][id_].items()
            if wanted is None or name in wanted
        ]


def source(**options: object) -> Source:
    return Source("store", "sagemaker_features", "", Place("test"), location=REGION, options=options)


class StandHouse(FeatureHouse):
    alone: Mapping[str, object] = {"workers": 1}
    most = 100

    def __init__(self, store: OnlineStore, wire: Wire) -> None:
        self.store, self.wire = store, wire
        self.furnish()

    def opened(self, **options: object) -> Keyed:
        return open_keyed(source(**options), f"http://127.0.0.1:{self.wire.port}", Path())

    def put(self, product: Product, rows: Sequence[Mapping[str, object]]) -> None:
        """With the default separator, as the steward's pipeline would join; `%` and `|` escaped before the last."""
        group = self.store.groups.setdefault(product.physical[0], {})
        for row in rows:
            *first, last = (to_text(row[name]) for name in product.key)
            parts = [part.replace("%", "%25").replace("|", "%7C") for part in first]
            values = {c.physical: to_text(row[n]) for n, c in product.columns.items() if n in row}
            group["|".join((*parts, last))] = dict(values)

    def refusing(self) -> Product:
        return view("nowhere", {"origin": "string", "dest": "string"}, {"flights": "bigint", "note": "string"})

    def spoilt(self) -> tuple[Product, Key, str]:
        self.store.groups["spoilt"] = {"a": {"V-v1": CANARY}}
        return view("spoilt", {"id": "string"}, {"v": "integer"}), ("a",), "v"


@pytest.fixture
async def house(aws_environment: None) -> AsyncIterator[StandHouse]:
    store = OnlineStore()
    with Stand(store) as stand:
        wire = Wire("127.0.0.1", stand.port)
        await wire.mend()
        yield StandHouse(store, wire)
        await wire.cut()


class TestSageMakerFeatures(Features):
    """The whole suite, client's side."""

    async def test_collections_are_arrays(self, house: StandHouse) -> None:
        house.store.groups["lists"] = {"a": {"V-v1": ["1", "2"], "W-v1": ["x"]}, "b": {"V-v1": "[3]"}}
        product = view("lists", {"id": "string"}, {"v": "array<integer>"})
        rows = await self.find(house, product, [("a",), ("b",)], ["v"])
        assert rows == [{"id": "a", "v": [1, 2]}, {"id": "b", "v": [3]}]
        with pytest.raises(Refusal) as refused:
            await self.find(house, view("lists", {"id": "string"}, {"w": "string"}), [("a",)], ["w"])
        assert refused.value.code == "CH502"

    @pytest.mark.parametrize(
        ("options", "identifier"),
        [({}, "EWR|IAH"), ({"separator": "_"}, "EWR_IAH"), ({"key": "{dest}/{origin}"}, "IAH/EWR")],
    )
    async def test_identifiers(self, house: StandHouse, options: dict[str, object], identifier: str) -> None:
        house.store.groups["joined"] = {identifier: {"V-v1": "1"}}
        product = view("joined", {"origin": "string", "dest": "string"}, {"v": "integer"}, options)
        rows = await self.find(house, product, [("EWR", "IAH"), ("IAH", "EWR")], ["v"])
        assert rows == [{"origin": "EWR", "dest": "IAH", "v": 1}, None]


def answered(*codes: str | None) -> Callable[[Request], tuple[int, object]]:
    """One answer after another: None is right for all that is asked; 'unprocessed' leaves the last undone; any other is
    an error code for the last."""
    left = list(codes)

    def answer(request: Request) -> tuple[int, object]:
        (asked,) = json.loads(request.body)["Identifiers"]
        ids = asked["RecordIdentifiersValueAsString"]
        code = left.pop(0) if left else None
        done = ids if code is None else ids[:-1]
        records = [
            {
                "FeatureGroupName": "g",
                "RecordIdentifierValueAsString": id_,
                "Record": [{"FeatureName": "V-v1", "ValueAsString": "1"}],
            }
            for id_ in done
        ]
        error = {
            "FeatureGroupName": "g",
            "RecordIdentifierValueAsString": ids[-1],
            "ErrorCode": code,
            "ErrorMessage": CANARY,
        }
        undone = {**asked, "RecordIdentifiersValueAsString": ids[-1:]}
        return 200, {
            "Records": records,
            "Errors": [error] if code not in (None, "unprocessed") else [],
            "UnprocessedIdentifiers": [undone] if code == "unprocessed" else [],
        }

    return answer


@pytest.mark.parametrize(
    ("codes", "asked"),
    [
        ([None], [3]),
        (["unprocessed", None], [3, 1]),
        (["InternalFailure", "unprocessed", "ServiceUnavailable", None], [3, 1, 1, 1]),
    ],
)
async def test_what_was_left_is_asked_again(aws_environment: None, codes: list[str | None], asked: list[int]) -> None:
    product = view("g", {"id": "string"}, {"v": "integer"})
    with Stand(answered(*codes)) as stand:
        backend = SageMakerFeatures(source(), stand.url)
        rows = await backend.find(product, [("a",), ("b",), ("c",)], ["v"], soon())
        await backend.close()
    assert rows == [{"id": id_, "v": 1} for id_ in "abc"]
    sent = [json.loads(request.body)["Identifiers"][0] for request in stand.requests]
    assert [len(each["RecordIdentifiersValueAsString"]) for each in sent] == asked
    assert {tuple(each["FeatureNames"]) for each in sent} == {("V-v1",)}


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [(["AccessForbidden"], "CH502"), (["ValidationError"], "CH502"), (["InternalFailure"] * 99, "CH503")],
)
async def test_what_fails_for_good(
    aws_environment: None, codes: list[str | None], refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An entity that could not be read is never taken for one that is missing."""
    product = view("g", {"id": "string"}, {"v": "integer"})
    with Stand(answered(*codes)) as stand:
        backend = SageMakerFeatures(source(), stand.url)
        with pytest.raises(Refusal) as refused:
            await backend.find(product, [("a",), ("b",)], ["v"], soon(20 if refusal == "CH502" else 2))
        await backend.close()
    assert refused.value.code == refusal
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"separator": "_", "key": "{id}"}, "both say how the identifier is made"),
        ({"separator": ""}, "'separator' is a text"),
        ({"group": "x"}, "has no option 'group'; there are key, separator"),
    ],
)
def test_options_of_the_product(options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SageMakerFeatures(source(), "").fit(view("g", {"id": "string"}, {}, options))
