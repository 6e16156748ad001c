"""MLflow's scoring server: one model at a URL.

    POST /invocations
    {"dataframe_split": {"columns": ["distance", "CARRIER"], "data": [[733.0, "UA"], [1400.0, "B6"]]}}
    {"predictions": [..]}

Columns are named by `Column.physical`. A null is JSON's, which MLflow takes where the signature says the column is not
required. MLflow quotes the inputs in its errors, so nothing of an error is read. It serves one model, so the name of
the product's model is not sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resolvers.backends.keyed.http import JsonClient
from resolvers.backends.keyed.http_options import HttpOptions
from resolvers.backends.keyed.instances import lists
from resolvers.backends.keyed.json_bodies import written
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.options import known, mapping
from resolvers.backends.keyed.predictions import rows
from resolvers.backends.keyed.scoring import batch, inputs, meant, outputs, scored, signature
from resolvers.backends.places import Places
from schema.catalog import Product, Source

OPTIONS = ("params",)
BATCH = 1000


class MLflow:
    """A scoring server. The option ``params`` is what the model's signature calls parameters, the same for all rows."""

    def __init__(self, source: Source, options: HttpOptions) -> None:
        self.name = source.name
        self._params = mapping(source.options, "params")
        self._batch = options.batch
        self._client = JsonClient(source.name, options)

    def batch(self, product: Product) -> int:
        return batch(product, self._batch)

    def fit(self, product: Product) -> None:
        self._sent(product)

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        async def ask(sent: list[Key]) -> list[Row]:
            with self._client.reading():
                with meant(product):
                    params = self._sent(product)
                body = request(product, sent, params)
            answer = await self._client.post("/invocations", body, call)
            with self._client.reading():
                return rows(answer, outputs(product), len(sent))

        return await scored(product, keys, ask)

    async def check(self) -> None:
        await self._client.reach("/ping")

    def places(self) -> list[Places]:
        return [self._client.places()]

    async def close(self) -> None:
        await self._client.close()

    def _sent(self, product: Product) -> Mapping[str, object]:
        """The parameters: the source's, and the model's own over them. Raises ValueError."""
        own = signature(product).options
        known(own, OPTIONS, "a model of kind mlflow")
        return {**self._params, **mapping(own, "params")}


def request(product: Product, keys: Sequence[Key], params: Mapping[str, object]) -> bytes:
    """The body of a call. Raises Unread."""
    frame = {"columns": [column.physical for column in inputs(product)], "data": lists(product, keys)}
    return written({"dataframe_split": frame, **({"params": params} if params else {})})
