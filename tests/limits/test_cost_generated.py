"""The estimate is never less than the actual cost: generated queries, answered at random within their page sizes.

graphql-core executes them, so that fragments, merged fields and conditions mean what the specification says.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from graphql import (
    ExecutionResult,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    execute_sync,
    get_named_type,
    get_nullable_type,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.frontends.graphql.document import Document
from resolvers.frontends.graphql.frontend import GraphQLFrontEnd
from tests.graphql.asking import CATALOG, VISIBLE
from tests.graphql.catalog import ZONE

FRONT = GraphQLFrontEnd(CATALOG, ZONE)
VIEW = FRONT.schema.view(VISIBLE)
ROWS = ("Flight", "Plane", "Booking", "Thing")
VARIABLES = {"yes": "Boolean!", "no": "Boolean!", "m": "Int"}
SIMPLE = {"Int": 1, "Long": 1, "Float": 1.5, "String": "x", "ID": "i", "Boolean": True, "Decimal": "1"}


class Writer:
    """Writes one query; every choice is the given generator's."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.fragments, self.aliases = chance, list[str](), 0

    def query(self) -> str:
        text = "\n".join([self.selection("Query", 5), *self.fragments])
        declared = [f"${name}: {type_}" for name, type_ in VARIABLES.items() if f"${name}" in text]
        return f"query Q{'(' + ', '.join(declared) + ')' if declared else ''} {text}"

    def selection(self, type_: str, deep: int) -> str:
        chance, found = self.chance, []
        if type_ == "Node":
            found = ["nodeId"]
            for name in chance.sample(ROWS, chance.randint(0, 3)):
                found.append(f"... on {name} {self.selection(name, deep - 1)}")
            return "{ " + " ".join(found) + " }"
        fields = VIEW.type(type_).fields  # type: ignore[union-attr]
        for _ in range(chance.randint(1, 3)):
            name = chance.choice(list(fields))
            inner = self.field(type_, name, deep)
            if inner is not None:
                found.append(self.wrapped(type_, inner + "@"))
        return "{ " + " ".join(found or ["__typename"]) + " }"

    def field(self, type_: str, name: str, deep: int) -> str | None:
        field, chance = VIEW.field(type_, name), self.chance
        arguments = {}
        for word, argument in field.arguments.items():
            if word in ("first", "last") and not {"first", "last"} & arguments.keys() and chance.random() < 0.7:
                arguments[word] = chance.choice(["0", "1", "2", "3", "$m", "null"])
            elif argument.type.required:
                arguments[word] = {"by": "[{column: %s}]", "id": '"[1]"', "q": "0.5"}.get(word, '"x"')
                if word == "by":
                    column = chance.choice(list(VIEW.type(type_of(argument.type.leaf, "column")).fields))  # type: ignore[union-attr]
                    arguments[word] %= column
        if name in ("flight", "booking"):
            arguments = {word: "1" if word in ("id", "flightId") else text for word, text in arguments.items()}
        if name == "thing" and "ref" in arguments:
            arguments["ref"] = '"5e9c4b5e-0000-4000-8000-000000000000"'
        type_def = VIEW.type(field.type.leaf)
        body = ""
        if type_def is not None and type_def.form in ("object", "interface"):
            if deep == 0:
                return None
            body = " " + self.selection(field.type.leaf, deep - 1)
        said = f"({', '.join(f'{word}: {text}' for word, text in arguments.items())})" if arguments else ""
        self.aliases += 1
        return f"a{self.aliases}: {name}{said}{self.condition()}{body}"

    def wrapped(self, type_: str, text: str) -> str:
        text, shape = text.rstrip("@"), self.chance.random()
        if shape < 0.15:
            return f"...{self.condition()} {{ {text} }}"
        if shape < 0.3:
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {type_} {{ {text} }}")
            return f"...{name} ...{name}"
        return text

    def condition(self) -> str:
        return self.chance.choice(["", "", "", " @include(if: $yes)", " @skip(if: $yes)", " @include(if: $no)"])


def type_of(type_: str, field: str) -> str:
    return VIEW.field(type_, field).type.leaf


class Answerer:
    """Answers at random: nulls, and lists up to the size that was asked for."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def __call__(self, source: object, info: GraphQLResolveInfo, **arguments: object) -> object:
        type_ = get_nullable_type(info.return_type)
        if not isinstance(info.return_type, GraphQLNonNull) and self.chance.random() < 0.2:
            return None
        asked = [arguments[word] for word in ("first", "last") if arguments.get(word) is not None]
        size = asked[0] if asked else 10
        if isinstance(type_, GraphQLList):
            paged = isinstance(source, dict) and info.field_name in ("nodes", "edges")
            most = source["size"] if paged and isinstance(source, dict) else size
            return [self.one(info) for _ in range(self.chance.choice([most, self.chance.randint(0, int(str(most)))]))]
        return {"size": size} if isinstance(get_named_type(type_), GraphQLObjectType) else self.one(info)

    def one(self, info: GraphQLResolveInfo) -> object:
        named = get_named_type(info.return_type)
        if isinstance(named, GraphQLScalarType):
            return SIMPLE.get(named.name)
        if isinstance(named, GraphQLEnumType):
            return next(iter(named.values))
        return {"size": 10}


def answered(text: str, values: Mapping[str, object], chance: random.Random) -> object:
    result = execute_sync(
        VIEW.whole,
        parse(text),
        variable_values=dict(values),
        field_resolver=Answerer(chance),
        type_resolver=lambda *_: chance.choice(ROWS),
    )
    assert isinstance(result, ExecutionResult)
    return result.data


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([None, 0, 2, 4]))
def test_the_estimate_is_never_less(chance: random.Random, m: int | None) -> None:
    text = Writer(chance).query()
    document = FRONT.read(text, None, VISIBLE, exactly=True)
    assert isinstance(document, Document)
    values = {"yes": True, "no": False, "m": m}
    data = answered(text, values, chance)
    assert document.cost(values, data) <= document.estimate.of(values)
