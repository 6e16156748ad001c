"""The definitions of the directives that say what fields cost (the IBM draft of GraphQL cost directives)."""

from __future__ import annotations

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDirective,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
)

COST = GraphQLDirective(
    "cost",
    [
        DirectiveLocation.ARGUMENT_DEFINITION,
        DirectiveLocation.ENUM,
        DirectiveLocation.FIELD_DEFINITION,
        DirectiveLocation.INPUT_FIELD_DEFINITION,
        DirectiveLocation.OBJECT,
        DirectiveLocation.SCALAR,
    ],
    {"weight": GraphQLArgument(GraphQLNonNull(GraphQLString))},
    description="What something costs each time.",
)
LIST_SIZE = GraphQLDirective(
    "listSize",
    [DirectiveLocation.FIELD_DEFINITION],
    {
        "assumedSize": GraphQLArgument(GraphQLInt),
        "slicingArguments": GraphQLArgument(GraphQLList(GraphQLNonNull(GraphQLString))),
        "sizedFields": GraphQLArgument(GraphQLList(GraphQLNonNull(GraphQLString))),
        "requireOneSlicingArgument": GraphQLArgument(GraphQLBoolean, default_value=True),
    },
    description="How long a list is taken to be.",
)
