"""Hashes in a real Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import pytest

from resolvers.backends.keyed.keyed import Key, Keyed
from resolvers.backends.keyed.names import template, whole_key
from resolvers.backends.keyed.registry import open_keyed
from resolvers.backends.keyed.values import to_text
from schema.catalog import Place, Product, Source
from schema.errors import Refusal
from tests.keyed.conformance import CANARY, FeatureHouse, Features, soon
from tests.keyed.products import view
from tests.keyed.wire import Wire
from tests.results.valkey import PASSWORD, Valkey


def source(**options: object) -> Source:
    return Source("store", "redis", "", Place("test"), options=options)


def names(product: Product, text: str | None = None) -> str:
    """The default template, as its writer would spell it."""
    return text or product.physical[0] + "".join(f":{{{name}}}" for name in product.key)


class ValkeyHouse(FeatureHouse):
    alone: Mapping[str, object] = {"connections": 1}
    most = 1000

    def __init__(self, valkey: Valkey, wire: Wire) -> None:
        self.valkey, self.wire = valkey, wire
        self.furnish()

    def opened(self, **options: object) -> Keyed:
        url = f"valkey://:{PASSWORD}@127.0.0.1:{self.wire.port}/0"
        return open_keyed(source(**options), url, Path())

    def put(self, product: Product, rows: Sequence[Mapping[str, object]]) -> None:
        text = str(product.features.options.get("key")) if product.features and product.features.options else None
        spell = whole_key(names(product, text), product)
        with self.valkey.client() as client:
            pipe = client.pipeline()
            for row in rows:
                fields = {c.physical: to_text(row[c.name]) for c in product.columns.values() if c.name in row}
                pipe.hset(str(spell.name(tuple(row[name] for name in product.key))), mapping=fields)
            pipe.execute()

    def refusing(self) -> Product:
        product = view("wrong", {"origin": "string", "dest": "string"}, {"flights": "bigint", "note": "string"})
        with self.valkey.client() as client:
            for origin, dest in self.keys:
                client.set(f"wrong:{origin}:{dest}", CANARY)
        return product

    def spoilt(self) -> tuple[Product, Key, str]:
        product = view("spoilt", {"id": "string"}, {"v": "integer"})
        with self.valkey.client() as client:
            client.hset("spoilt:a", mapping={"V-v1": CANARY})
        return product, ("a",), "v"


@pytest.fixture
async def house(valkey: Valkey) -> AsyncIterator[ValkeyHouse]:
    wire = Wire("127.0.0.1", valkey.port)
    await wire.mend()
    yield ValkeyHouse(valkey, wire)
    await wire.cut()


class TestRedis(Features):
    """The whole suite."""

    @pytest.mark.parametrize("junk", [b"\xff\xfe" + CANARY.encode(), b"1e999999999", b"Infinity", b"NaN", b"1.5"])
    async def test_bytes_that_are_no_integer(
        self, house: ValkeyHouse, junk: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        product, key, column = house.spoilt()
        with house.valkey.client() as client:
            client.hset("spoilt:a", "V-v1", junk)  # type: ignore[arg-type]
        async with self.opened(house) as backend:
            with pytest.raises(Refusal) as refused:
                await backend.find(product, [key], [column], soon())
            self.quiet(refused.value, caplog)

    async def test_the_password_is_wrong(self, house: ValkeyHouse, caplog: pytest.LogCaptureFixture) -> None:
        backend = open_keyed(source(), f"redis://:{CANARY}@127.0.0.1:{house.wire.port}", Path())
        with pytest.raises(Refusal) as refused:
            await backend.find(house.product, house.keys, house.columns, soon())
        self.quiet(refused.value, caplog)
        await backend.close()

    async def test_no_key_stands_in_the_log(self, house: ValkeyHouse, caplog: pytest.LogCaptureFixture) -> None:
        with house.valkey.client() as client:
            client.set(f"routes:{CANARY}:IAH", "no hash")
        async with self.opened(house) as backend:
            with pytest.raises(Refusal) as refused:
                await backend.find(house.product, [(CANARY, "IAH"), *house.keys], house.columns, soon())
            self.quiet(refused.value, caplog)

    async def test_a_template_of_the_product(self, house: ValkeyHouse) -> None:
        options = {"key": "route:{origin}->{dest}:v2"}
        product = view("x", {"origin": "string", "dest": "string"}, {"v": "integer"}, options)
        house.put(product, [{"origin": "EWR", "dest": "IAH", "v": 1}])
        assert b"route:EWR->IAH:v2" in house.valkey.names()
        rows = await self.find(house, product, [("EWR", "IAH"), ("IAH", "EWR")], ["v"])
        assert rows == [{"origin": "EWR", "dest": "IAH", "v": 1}, None]


KEY = ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "key", "name"),
    [
        ("v:{a}", ("x:y%",), "v:x:y%"),
        ("v:{a}:{b}", ("x", "y"), "v:x:y"),
        ("v:{a}:{b}", ("x:y", "z"), "v:x%3Ay:z"),
        ("v:{a}:{b}", ("x", "y:z"), "v:x:y:z"),
        ("v:{a}:{b}", ("x%3Ay", "z"), "v:x%253Ay:z"),
        ("{b}/{a}", ("x/", "y/"), "y%2F/x/"),
        ("v:{a}→{b}", ("x→", "y"), "v:x%E2%86%92→y"),
        ("{{{a}}}", ("x",), "{{x}}"),
        ("v:{a}:{b}:{a}", ("x", "y"), "v:x:y:x"),
        ("v:{a}", (None,), None),
        ("v:{a}:{b}", ("x", None), None),
    ],
)
def test_how_a_key_is_spelt(text: str, key: Key, name: str | None) -> None:
    assert template(text, KEY[: len(key)]).name(key) == name


TEXTS = ("", "a", "c", ":", "|", "%", "→", "a:", ":a", "a|", "|a", "::", "%3A", "%253A", ":|", "%E2")
TEMPLATES = ("v:{a}:{b}:{c}", "{a}|{c}|{b}", "{a}%{b}→{c}", "v:{a}::{b}:{c}:", "{a}:|{b}a{c}", "{a}:{b}:{a}:{c}")


@pytest.mark.parametrize("text", TEMPLATES)
def test_no_two_keys_have_one_name(text: str) -> None:
    """All of 4,096 keys of what separators and escapes are made of."""
    made = template(text, KEY)
    keys = list(product(TEXTS, repeat=3))
    assert len({made.name(key) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("v:{a}{b}{c}", "needs a text between two places"),
        ("v:{a}:{d}", "names 'd', which is no key column; there are a, b, c"),
        ("v", "names no key column"),
        ("v:{a}:{b}", "leaves out the key column 'c'"),
    ],
)
def test_templates_that_cannot_be(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        whole_key(text, view("x", dict.fromkeys(KEY, "string"), {}))


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("redis://h", True),
        ("rediss://u:p@h:6380/3?ssl_ca_certs=/ca.pem", True),
        ("valkeys://h:1/", True),
        ("http://h", False),
        ("redis://", False),
        ("redis://h:port", False),
        ("redis://h/name", False),
        ("redis://h?decode_responses=yes", False),
        ("unix:///socket", False),
    ],
)
def test_urls(url: str, fits: bool) -> None:
    if fits:
        open_keyed(source(), url, Path())
    else:
        with pytest.raises(ValueError, match="a redis source has a URL like"):
            open_keyed(source(), url, Path())


def test_options_of_the_product() -> None:
    backend = open_keyed(source(), "redis://h", Path())
    for options, says in (({"keys": "x"}, "has no option 'keys'; there are key"), ({"key": 1}, "'key' is a text")):
        with pytest.raises(ValueError, match=says):
            backend.fit(view("x", {"a": "string"}, {}, options))  # type: ignore[attr-defined]
