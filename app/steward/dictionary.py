"""The dictionary for a terminal: as JSON, or as Markdown for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.project import Project
from app.steward.decisions import decisions, now, states
from app.steward.explain_text import maps
from policies.visible import visible
from schema.caller import Caller
from schema.catalog import Product
from schema.dictionary import ColumnState, ProductState, dictionary
from schema.graphql.vocabulary import everything

Json = Mapping[str, object]


def dictionary_of(project: Project, caller: Caller) -> dict[str, object]:
    """The dictionary of the caller's zone, as this caller may know it."""
    project = project.seen_in(caller.zone)
    catalog, moment = project.catalog, now(project.catalog, caller.zone)
    found = decisions(catalog, project.policies, caller, moment)
    return dictionary(catalog, caller.zone, visible(project.policies, catalog, caller, moment), states(found))


def whole_dictionary(project: Project, zone: str) -> dict[str, object]:
    """The dictionary of a zone for its steward: everything it publishes, as if every column were clear."""
    catalog = project.seen_in(zone).catalog
    told = {product.id: _clear(product) for product in catalog.published(zone)}
    return dictionary(catalog, zone, everything(catalog, zone), told)


def _clear(product: Product) -> ProductState:
    return ProductState({name: ColumnState("clear") for name in product.columns})


def dictionary_markdown(found: Json) -> str:
    """A dictionary as Markdown."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Json) -> Iterator[str]:
    yield f"# Data dictionary: {_text(found['zone'])}"
    products = maps(found, "products")
    if not products:
        yield from ("", "There is nothing here that you may know.")
    for domain in maps(found, "domains"):
        yield from ("", f"## {_text(domain['name'])}", "")
        yield from _paragraphs(domain["description"], ("Steward", domain["steward"]), ("Tags", domain["tags"]))
        for product in products:
            if product["domain"] == domain["name"]:
                yield from _product(product)


def _product(product: Json) -> Iterator[str]:
    graphql = product["graphql"]
    names = [f"`{graphql[word]}`" for word in ("many", "one")] if isinstance(graphql, Mapping) else []
    group = product["min_group"]
    least = f"at least {group['k']} entities behind every number" if isinstance(group, Mapping) else ""
    freshness = product["freshness_seconds"]
    yield from (f"### {_text(product['id'])}", "")
    yield from _paragraphs(
        product["description"],
        ("GraphQL", ", ".join(names)),
        ("Owner", product["owner"]),
        ("Key", product["key"]),
        ("Tags", product["tags"]),
        ("Freshness", f"{freshness:g} s" if isinstance(freshness, int | float) else ""),
        ("Minimum group", least),
        *_card(product),
    )
    yield from ("| Column | Type | You see | Tags | Description |", "|---|---|---|---|---|")
    for column in maps(product, "columns"):
        cells = (f"`{column['name']}`", column["type"], _state(column), _listed(column["tags"]), column["description"])
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"
    yield ""
    ways = maps(product, "relationships")
    for way in ways:
        about = f": {_text(way['description'])}" if way["description"] else ""
        yield f"- `{way['name']}` leads to {way['cardinality']} of {_text(way['to'])}{about}"
    if ways:
        yield ""


def _card(product: Json) -> Iterator[tuple[str, object]]:
    """What is told of a feature view and of a model besides its columns."""
    view, model = product["features"], product["model"]
    if isinstance(view, Mapping):
        ttl = view["ttl_seconds"]
        yield "As of", view["event_time"]
        yield "Stale after", f"{ttl:g} s" if isinstance(ttl, int | float) else ""
    if isinstance(model, Mapping):
        yield "Model version", model["version"]
        yield "Inputs", model["inputs"]
        yield "Trained on", model["training_data"]
        yield "Intended use", model["intended_use"]
        yield "Registry", model["registry"]
        metrics = model["metrics"]
        yield (
            "Metrics",
            [f"{name} {value:g}" for name, value in metrics.items()] if isinstance(metrics, Mapping) else "",
        )


def _paragraphs(description: object, *facts: tuple[str, object]) -> Iterator[str]:
    if description:
        yield from (_text(description), "")
    told = [f"- {name}: {_text(_listed(value))}" for name, value in facts if value]
    if told:
        yield from (*told, "")


def _state(column: Json) -> str:
    mask = column["mask"]
    if not isinstance(mask, Mapping):
        return str(column["state"])
    kept = mask["preserves"]
    keeps = f"; keeps {', '.join(map(str, kept))}" if isinstance(kept, list) and kept else ""
    return f"{column['state']}: {mask['kind']} ({mask['how']}{keeps})"


def _listed(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _text(value: object) -> str:
    """Text on one line, in which nothing is markup that the catalog did not mean as a name."""
    return " ".join(str(value).split()).replace("<", "\\<")


def _cell(value: object) -> str:
    return _text(value).replace("|", "\\|")
