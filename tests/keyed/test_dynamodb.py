"""Items in moto's DynamoDB, by the real client. That AWS behaves like moto is not proven here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from resolvers.backends.keyed.dynamodb import DynamoDB
from resolvers.backends.keyed.keyed import Key, Keyed
from resolvers.backends.keyed.registry import open_keyed
from resolvers.backends.keyed.values import to_text
from schema.catalog import Place, Product, Source
from schema.errors import Refusal
from tests.keyed.conformance import CANARY, FeatureHouse, Features, soon
from tests.keyed.moto import REGION, Moto
from tests.keyed.products import view
from tests.keyed.stand import Stand
from tests.keyed.wire import Wire


def source(**options: object) -> Source:
    return Source("store", "dynamodb", "", Place("test"), location=REGION, options=options)


def attribute(value: object) -> dict[str, object]:
    """As boto3 would write it."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float | Decimal):
        return {"N": str(value)}
    return {"S": to_text(value)}


class MotoHouse(FeatureHouse):
    alone: Mapping[str, object] = {"workers": 1}
    most = 100

    def __init__(self, moto: Moto, wire: Wire) -> None:
        self.wire, self.client = wire, moto.client("dynamodb")
        self.furnish()

    def opened(self, **options: object) -> Keyed:
        return open_keyed(source(**options), f"http://127.0.0.1:{self.wire.port}", Path())

    def table(self, name: str, key: Mapping[str, str]) -> None:
        """``key``: S or N by attribute, the partition key first."""
        try:
            self.client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": column, "KeyType": kind}
                    for column, kind in zip(key, ("HASH", "RANGE"), strict=False)
                ],
                AttributeDefinitions=[{"AttributeName": column, "AttributeType": kind} for column, kind in key.items()],
            )
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceInUseException"

    def put(self, product: Product, rows: Sequence[Mapping[str, object]]) -> None:
        (table,) = product.physical
        self.table(table, {name: next(iter(attribute(rows[0][name]))) for name in product.key})
        items = [{product.columns[name].physical: attribute(value) for name, value in row.items()} for row in rows]
        for at in range(0, len(items), 25):
            self.client.batch_write_item(
                RequestItems={table: [{"PutRequest": {"Item": item}} for item in items[at : at + 25]]}
            )

    def refusing(self) -> Product:
        return view(CANARY, {"origin": "string", "dest": "string"}, {"flights": "bigint", "note": "string"})

    def spoilt(self) -> tuple[Product, Key, str]:
        product = view("spoilt", {"id": "string"}, {"v": "integer"})
        self.put(product, [{"id": "a", "v": CANARY}])
        return product, ("a",), "v"


@pytest.fixture
async def house(moto: Moto) -> AsyncIterator[MotoHouse]:
    wire = Wire("127.0.0.1", moto.port)
    await wire.mend()
    yield MotoHouse(moto, wire)
    await wire.cut()


class TestDynamoDB(Features):
    """The whole suite."""

    async def test_reserved_words_and_dots_are_names(self, house: MotoHouse) -> None:
        house.table("odd", {"size": "S"})
        house.client.put_item(
            TableName="odd", Item={"size": {"S": "a"}, "Name.first-v1": {"N": "1"}, "Values-v1": {"N": "2"}}
        )
        product = view("odd", {"size": "string"}, {"name.first": "integer", "values": "integer"})
        assert product.columns["name.first"].physical == "Name.First-v1"
        house.client.put_item(TableName="odd", Item={"size": {"S": "b"}, "Name.First-v1": {"N": "1"}})
        rows = await self.find(house, product, [("b",), ("a",)], ["name.first", "values"])
        assert rows == [{"size": "b", "name.first": 1, "values": None}, {"size": "a", "name.first": None, "values": 2}]

    @pytest.mark.parametrize(
        ("key", "item"),
        [
            ({"pk": "ROUTE#{origin}#{dest}"}, {"pk": "ROUTE#E%23WR#IAH"}),
            ({"pk": "ROUTE#{origin}#{dest}", "sk": "FEATURES"}, {"pk": "ROUTE#E%23WR#IAH", "sk": "FEATURES"}),
            ({"sk": "{dest}", "pk": "FROM#{origin}"}, {"sk": "IAH", "pk": "FROM#E#WR"}),
        ],
    )
    async def test_templates_of_keys(self, house: MotoHouse, key: dict[str, str], item: dict[str, str]) -> None:
        house.table("single", dict.fromkeys(key, "S"))
        house.client.put_item(
            TableName="single", Item={**{name: {"S": text} for name, text in item.items()}, "V-v1": {"N": "7"}}
        )
        product = view("single", {"origin": "string", "dest": "string"}, {"v": "integer"}, {"key": key})
        rows = await self.find(house, product, [("E", "WR#IAH"), ("E#WR", "IAH")], ["v"])
        assert rows == [None, {"origin": "E#WR", "dest": "IAH", "v": 7}]

    async def test_a_number_as_the_key(self, house: MotoHouse) -> None:
        product = view("numbers", {"n": "decimal(12,2)"}, {"v": "integer"})
        house.put(product, [{"n": Decimal("1.5"), "v": 1}, {"n": Decimal("-3"), "v": 2}])
        keys = [(Decimal("-3.00"),), (Decimal("1.50"),), (Decimal("2"),)]
        rows = await self.find(house, product, keys, ["v"])
        assert [row and row["v"] for row in rows] == [2, 1, None]

    async def test_keys_that_no_item_can_have(self, house: MotoHouse) -> None:
        """DynamoDB refuses a whole call for one of them."""
        product = view("texts", {"id": "string"}, {"v": "integer"})
        house.put(product, [{"id": "a", "v": 1}])
        assert await self.find(house, product, [("",), ("a",), ("x" * 3000,)], ["v"]) == [
            None,
            {"id": "a", "v": 1},
            None,
        ]

    @pytest.mark.parametrize("consistent", [True, False])
    async def test_consistent_reads(self, house: MotoHouse, consistent: bool) -> None:
        product = view("reads", {"id": "string"}, {"v": "integer"}, {"consistent": consistent})
        house.put(product, [{"id": "a", "v": 1}])
        house.wire.count()
        await self.find(house, product, [("a",)], ["v"])
        assert f'"ConsistentRead": {str(consistent).lower()}'.encode() in bytes(house.wire.sent)

    async def test_shapes_that_hold_others(self, house: MotoHouse) -> None:
        types = {
            "list": "array<integer>", "set": "array<decimal>", "map": "struct<a: integer, b: string>", "any": "json",
            "flag": "boolean", "when": "timestamp", "bytes": "bytes", "nothing": "integer",
        }  # fmt: skip
        product = view("shapes", {"id": "string"}, types)
        item: dict[str, Any] = {
            "id": {"S": "a"},
            "List-v1": {"L": [{"N": "1"}, {"N": "2"}]},
            "Set-v1": {"NS": ["1.5"]},
            "Map-v1": {"M": {"a": {"N": "1"}, "b": {"S": "x"}, "c": {"BOOL": True}}},
            "Any-v1": {"M": {"n": {"N": "1"}, "f": {"N": "1.5"}, "l": {"L": [{"NULL": True}]}}},
            "Flag-v1": {"N": "1"},
            "When-v1": {"N": "1359676799.5"},
            "Bytes-v1": {"B": b"\x00\xff"},
            "Nothing-v1": {"NULL": True},
        }
        house.table("shapes", {"id": "S"})
        house.client.put_item(TableName="shapes", Item=item)
        (row,) = await self.find(house, product, [("a",)], list(types))
        assert row is not None
        assert {name: str(row[name]) if name == "when" else row[name] for name in types} == {
            "list": [1, 2], "set": [Decimal("1.5")], "map": {"a": 1, "b": "x"},
            "any": {"n": 1, "f": 1.5, "l": [None]}, "flag": True, "when": "2013-01-31 23:59:59.500000+00:00",
            "bytes": b"\x00\xff", "nothing": None,
        }  # fmt: skip


ITEM = {"id": {"S": "a"}, "V-v1": {"N": "1"}}
PRODUCT = view("t", {"id": "string"}, {"v": "integer"})


async def test_keys_left_unprocessed_are_asked_again(aws_environment: None) -> None:
    """Against a stand-in: moto processes everything. Each answer processes one key of what it was asked."""

    def one(request: Any) -> tuple[int, object]:
        asked = json.loads(request.body)["RequestItems"]["t"]
        first, *rest = asked["Keys"]
        left = {"t": {**asked, "Keys": rest}} if rest else {}
        return 200, {"Responses": {"t": [{**first, "V-v1": {"N": "1"}}]}, "UnprocessedKeys": left}

    with Stand(one) as stand:
        backend = DynamoDB(source(), stand.url)
        rows = await backend.find(PRODUCT, [("a",), ("b",), ("c",)], ["v"], soon())
        await backend.close()
    assert rows == [{"id": id_, "v": 1} for id_ in "abc"]
    asked = [json.loads(request.body)["RequestItems"]["t"] for request in stand.requests]
    assert [len(each["Keys"]) for each in asked] == [3, 2, 1]
    assert {each["ProjectionExpression"] for each in asked} == {"#n0,#n1"}


async def test_keys_that_stay_unprocessed_end_at_the_deadline(aws_environment: None) -> None:
    """The first call, which is answered, makes the client: that takes longer on a busy machine than calls do."""
    answered: list[bool] = []

    def none(request: Any) -> tuple[int, object]:
        wanted = json.loads(request.body)["RequestItems"]
        answered.append(not answered)
        return 200, {"Responses": {}, "UnprocessedKeys": {} if answered[-1] else wanted}

    with Stand(none) as stand:
        backend = DynamoDB(source(), stand.url)
        assert await backend.find(PRODUCT, [("a",)], ["v"], soon(30)) == [None]
        with pytest.raises(Refusal) as refused:
            await backend.find(PRODUCT, [("a",)], ["v"], soon(2))
        await backend.close()
    assert refused.value.code == "CH503"
    assert 1 + 2 <= len(stand.requests) <= 1 + 20


@pytest.mark.parametrize(
    ("options", "key", "says"),
    [
        ({"key": "x"}, ("a",), "gives one or two attributes a template"),
        ({"key": {}}, ("a",), "gives one or two attributes a template"),
        ({"key": {"pk": 1}}, ("a",), "gives one or two attributes a template"),
        ({"key": {"pk": "{a}"}}, ("a", "b"), "leaves out the key column 'b'"),
        ({"key": {"pk": "{c}"}}, ("a",), "names 'c', which is no key column"),
        ({}, ("a", "b", "c"), "more than two columns needs option 'key'"),
        ({"consistent": "yes"}, ("a",), "'consistent' is true or false"),
        ({"table": "x"}, ("a",), "has no option 'table'; there are consistent, key"),
    ],
)
def test_options_of_the_product(options: dict[str, object], key: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        DynamoDB(source(), "").fit(view("t", dict.fromkeys(key, "string"), {}, options))
