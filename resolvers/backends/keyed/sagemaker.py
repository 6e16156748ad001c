"""SageMaker Runtime: a model behind an endpoint, asked by InvokeEndpoint. The physical name is the endpoint's.

Options of the source, and of a model where it differs: ``format`` (`resolvers.backends.keyed.instances`),
``target_model`` for an endpoint of several models, ``variant`` for one of several variants.

An input that is null where the model takes none, or a number that is infinite, gives no scoring, and is not sent. What
a model says in an error is never read: it quotes its inputs. An endpoint does not tell its signature; the catalog must.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from resolvers.backends.failures import failed
from resolvers.backends.keyed.aws import Aws, options_of
from resolvers.backends.keyed.instances import FORMS, Form, predicted
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.options import known, text, whole, word
from schema.catalog import Model, Product, Source

_SERVICE = "sagemaker-runtime"
_OWN = ("format", "target_model", "variant")
_NOBODY = "customhouse-check"


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
        return (product.model.batch if product.model else None) or self._batch

    def fit(self, product: Product) -> None:
        """Raise ValueError with a sentence unless an endpoint can be asked for such a product."""
        own = _model(product).options
        known(own, _OWN, "a model in sagemaker")
        _settings({**self._options, **own})

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        try:
            self.fit(product)
            model = _model(product)
            form, where = _settings({**self._options, **model.options})
            made = [_sendable(key, model) for key in keys]
            sent = [key for key in made if key is not None]
            if not sent:
                return [None] * len(keys)
            body = form.write([product.columns[name] for name in model.inputs], sent)
            what = {"Body": body, "ContentType": form.media, "Accept": form.media}
            arguments = {"EndpointName": product.physical[0], **what, **where}
            answer = await self._aws.call(_SERVICE, "invoke_endpoint", arguments, call)
            rows = iter(predicted(form, answer["Body"], product, sent))
            return [None if key is None else next(rows) for key in made]
        except ValueError as error:
            raise failed(self.name, error) from None

    async def check(self) -> None:
        await self._aws.reach(_SERVICE, "invoke_endpoint", {"EndpointName": _NOBODY, "Body": b""})

    async def close(self) -> None:
        await self._aws.close()


def _model(product: Product) -> Model:
    if product.model is None:
        raise ValueError(f"{product.id} is no model")
    return product.model


def _settings(options: Mapping[str, object]) -> tuple[Form, Mapping[str, str]]:
    """The form, and what else InvokeEndpoint is told."""
    form = FORMS[word(options, "format", FORMS, "json-instances")]
    given = {"TargetModel": text(options, "target_model"), "TargetVariant": text(options, "variant")}
    return form, {name: value for name, value in given.items() if value is not None}


def _sendable(key: Key, model: Model) -> Key | None:
    """The key with NaN as null; None where it gives no scoring."""
    found = tuple(None if isinstance(value, float) and math.isnan(value) else value for value in key)
    for name, value in zip(model.inputs, found, strict=True):
        if (value is None and name not in model.nullable) or (isinstance(value, float) and math.isinf(value)):
            return None
    return found
