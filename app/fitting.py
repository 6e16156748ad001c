"""Fitting: whether the sources that answer by key can answer for the products that are declared in them.

Options of a feature view or model are words of its back end, which the catalog passes on unread. So each back end is
asked (`Keyed.fit`) before anything is served, and by `customhouse check`. Nothing is sent to a source.
"""

from __future__ import annotations

from collections.abc import Mapping

from resolvers.backends.opened import Opened, of_keys
from schema.catalog import Catalog
from schema.errors import LoadError


def unfit(catalog: Catalog, opened: Mapping[str, Opened]) -> list[LoadError]:
    """CH247 for each product that its source, where it is among those opened, cannot answer for, in their order."""
    errors: list[LoadError] = []
    for name, source in of_keys(opened).items():
        for product in catalog.products.values():
            if product.source != name:
                continue
            try:
                source.fit(product)
            except ValueError as error:
                sentence = f"'{product.id}' does not fit its source '{name}': {error}."
                errors.append(LoadError(product.place, "CH247", sentence, "Correct its options, or its columns."))
    return sorted(errors, key=lambda error: (error.place.file, error.place.line, error.place.column))
