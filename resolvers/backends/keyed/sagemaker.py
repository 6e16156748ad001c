"""SageMaker Runtime: a model behind an endpoint, asked by InvokeEndpoint. The physical name is the endpoint's.

What containers take and give differs; the option ``format`` names one of three forms (`instances`, `predictions`):

    json-instances   {"instances": [[733.0, "UA"], ..]}             {"predictions": [..]}
    json-records     {"instances": [{"distance": 733.0, ..}, ..]}   {"predictions": [..]}
    csv              733.0,UA                                       one line for each row, or for one output one value

Other options of the source, and of a model where it differs: ``target_model`` for an endpoint of several models,
``variant`` for one of several variants. What a model says in an error is never read: it quotes its inputs. An endpoint
does not tell its signature; the catalog must.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from resolvers.backends.failures import failed
from resolvers.backends.keyed.aws import Aws, options_of
from resolvers.backends.keyed.instances import lines, lists, records
from resolvers.backends.keyed.json_bodies import loaded, written
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.options import known, text, whole, word
from resolvers.backends.keyed.predictions import rows, rows_of_lines
from resolvers.backends.keyed.scoring import batch, meant, outputs, scored, signature
from resolvers.backends.places import Places
from schema.catalog import Product, Source

_SERVICE = "sagemaker-runtime"
_OWN = ("format", "target_model", "variant")
_NOBODY = "customhouse-check"


@dataclass(frozen=True, slots=True)
class Form:
    """``write`` makes a body of keys; ``read`` the rows of an answer, for so many keys. Both raise Unread."""

    media: str
    write: Callable[[Product, Sequence[Key]], bytes]
    read: Callable[[bytes, Product, int], list[Row]]


class SageMaker:
    """Options besides: those of all AWS kinds (`resolvers.backends.keyed.aws`), ``batch`` (rows of a call, 100)."""

    def __init__(self, source: Source, url: str) -> None:
        options_of(source, _OWN)
        self.name = source.name
        self._options = {name: value for name, value in source.options.items() if name in _OWN}
        _settings(self._options)
        self._batch = whole(source.options, "batch", 100, 10_000)
        self._aws = Aws(source, url)

    def batch(self, product: Product) -> int:
        return batch(product, self._batch)

    def fit(self, product: Product) -> None:
        self._asking(product)

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        async def ask(sent: list[Key]) -> list[Row]:
            with meant(product):
                form, where = self._asking(product)
            what = {"Body": form.write(product, sent), "ContentType": form.media, "Accept": form.media}
            arguments = {"EndpointName": product.physical[0], **what, **where}
            answer = await self._aws.call(_SERVICE, "invoke_endpoint", arguments, call)
            return form.read(answer["Body"], product, len(sent))

        try:
            return await scored(product, keys, ask)
        except ValueError as error:
            raise failed(self.name, error) from None

    async def check(self) -> None:
        await self._aws.reach(_SERVICE, "invoke_endpoint", {"EndpointName": _NOBODY, "Body": b""})

    def places(self) -> list[Places]:
        return [self._aws.places()]

    async def close(self) -> None:
        await self._aws.close()

    def _asking(self, product: Product) -> tuple[Form, Mapping[str, str]]:
        """What the source says, and the model's own options over it. Raises ValueError."""
        own = signature(product).options
        known(own, _OWN, "a model in sagemaker")
        return _settings({**self._options, **own})


def _settings(options: Mapping[str, object]) -> tuple[Form, Mapping[str, str]]:
    """The form, and what else InvokeEndpoint is told."""
    form = FORMS[word(options, "format", FORMS, "json-instances")]
    given = {"TargetModel": text(options, "target_model"), "TargetVariant": text(options, "variant")}
    return form, {name: value for name, value in given.items() if value is not None}


def _json(body: bytes, product: Product, count: int) -> list[Row]:
    return rows(loaded(body), outputs(product), count)


FORMS: Mapping[str, Form] = {
    "json-instances": Form("application/json", lambda of, keys: written({"instances": lists(of, keys)}), _json),
    "json-records": Form("application/json", lambda of, keys: written({"instances": records(of, keys)}), _json),
    "csv": Form("text/csv", lines, rows_of_lines),
}
