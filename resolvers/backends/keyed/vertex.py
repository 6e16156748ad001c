"""Vertex AI's online prediction, over REST.

    POST https://LOCATION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION/endpoints/ENDPOINT:predict
    {"instances": [{"distance": 733.0, "CARRIER": "UA"}, ..]}
    {"predictions": [..]}

The product's physical name is the endpoint's number, unless the option ``endpoint`` says it. ``instances`` says how a
row is written: `records` by `Column.physical`, `lists` in the order of the inputs, or `values` where there is one.
A URL in place of Google's may be a whole one that ends in ``:predict``, or what comes before ``/v1``.

Numbers pass as 64-bit floats on Vertex's side: integers beyond 2^53 lose digits there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from resolvers.backends.keyed.google_tokens import GoogleTokens
from resolvers.backends.keyed.http import JsonClient
from resolvers.backends.keyed.http_options import HttpOptions
from resolvers.backends.keyed.instances import FORMS
from resolvers.backends.keyed.json_bodies import written
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.options import known, mapping, text, word
from resolvers.backends.keyed.predictions import rows
from resolvers.backends.keyed.scoring import batch, inputs, meant, outputs, scored, signature
from resolvers.backends.places import Places
from schema.catalog import Product, Source

OPTIONS = ("project", "endpoint", "instances", "parameters", "credentials")
OWN = ("endpoint", "instances", "parameters")
BATCH = 100


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model is asked: at which path, by which of `instances.FORMS`, with what for the container besides."""

    path: str
    form: str
    parameters: Mapping[str, object]


class Vertex:
    """Endpoints of one project and location. ``credentials: none`` sends no token, for emulators and private proxies
    that need none."""

    def __init__(self, source: Source, options: HttpOptions) -> None:
        self.name = source.name
        self._options = {name: value for name, value in source.options.items() if name in OWN}
        word(source.options, "instances", FORMS, "records")
        mapping(source.options, "parameters")
        text(source.options, "endpoint")
        self._prefix = _prefix(source, options.url)
        bare = word(source.options, "credentials", ("default", "none"), "default") == "none"
        if not bare and any(name.lower() == "authorization" for name in options.headers):
            raise ValueError("options 'bearer' and 'headers' set Authorization, so it needs 'credentials: none'")
        self._tokens = None if bare else GoogleTokens(source.name)
        self._batch = options.batch
        self._client = JsonClient(source.name, options)

    def batch(self, product: Product) -> int:
        return batch(product, self._batch)

    def fit(self, product: Product) -> None:
        asking = self._asking(product)
        if asking.form == "values" and len(inputs(product)) != 1:
            raise ValueError("option 'instances' is 'values', which has no place for more than one input")

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        async def ask(sent: list[Key]) -> list[Row]:
            with self._client.reading():
                with meant(product):
                    asking = self._asking(product)
                body = request(product, sent, asking)
            answer = await self._client.post(asking.path, body, call, await self._authorized(call))
            with self._client.reading():
                return rows(answer, outputs(product), len(sent))

        return await scored(product, keys, ask)

    async def check(self) -> None:
        await self._client.reach("/")

    def places(self) -> list[Places]:
        return [self._client.places()]

    async def close(self) -> None:
        await self._client.close()
        if self._tokens is not None:
            await self._tokens.close()

    async def _authorized(self, call: Call) -> Mapping[str, str]:
        if self._tokens is None:
            return {}
        return {"Authorization": f"Bearer {await self._tokens.token(call.deadline)}"}

    def _asking(self, product: Product) -> Asking:
        """What the source says, and the model's own options over it. Raises ValueError."""
        own = signature(product).options
        known(own, OWN, "a model of kind vertex")
        options = {**self._options, **own}
        endpoint = quote(text(options, "endpoint") or product.physical[0], safe="")
        path = "" if self._prefix is None else f"{self._prefix}/endpoints/{endpoint}:predict"
        return Asking(path, word(options, "instances", FORMS, "records"), mapping(options, "parameters"))


def request(product: Product, keys: Sequence[Key], asking: Asking) -> bytes:
    """The body of a call. Raises Unread."""
    body: dict[str, object] = {"instances": FORMS[asking.form](product, keys)}
    return written({**body, "parameters": asking.parameters} if asking.parameters else body)


def default_url(source: Source) -> str:
    """Google's own endpoint of a location. Raises ValueError where the source names none."""
    if not source.location:
        raise ValueError("it needs a location such as europe-west4, or a URL")
    return f"https://{source.location}-aiplatform.googleapis.com"


def _prefix(source: Source, url: str) -> str | None:
    """The path up to the endpoints; None where the URL is a whole one."""
    if url.endswith(":predict"):
        return None
    project = text(source.options, "project")
    if project is None or not source.location:
        raise ValueError("it needs a location and option 'project', or a URL that ends in ':predict'")
    return f"/v1/projects/{quote(project, safe='')}/locations/{quote(source.location, safe='')}"
