"""The GraphQL schema of a zone: strawberry types made from the catalog, as one caller may know them."""

from schema.graphql.zone import View, ZoneSchema, build

__all__ = ["View", "ZoneSchema", "build"]
