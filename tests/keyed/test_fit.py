"""What each kind of source says of a product that it cannot answer for as declared, before it is asked anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from resolvers.backends.keyed.keyed import Keyed
from resolvers.backends.keyed.registry import open_guarded, open_keyed
from schema.catalog import SCORERS, STORES, Place, Product, Source, SourceKind
from tests.keyed.products import model, view

Columns = Mapping[str, str]
URLS: Mapping[str, str] = {
    "dynamodb": "", "feast": "http://127.0.0.1:9", "mlflow": "http://127.0.0.1:9", "onnx": "models",
    "open_inference": "http://127.0.0.1:9", "redis": "redis://127.0.0.1:9", "sagemaker": "", "sagemaker_features": "",
    "vertex": "http://127.0.0.1:9/x:predict",
}  # fmt: skip
NUMBER: Columns = {"x": "float"}


@dataclass(frozen=True)
class Case:
    """Options of a product, and what is said of them; nothing where they fit. ``key`` are a model's inputs too."""

    kind: SourceKind
    options: Mapping[str, object]
    says: str = ""
    key: Columns = field(default_factory=lambda: NUMBER)
    source: Mapping[str, object] = field(default_factory=dict)
    name: str = "it"

    def product(self) -> Product:
        if self.kind in STORES:
            return view(self.name, self.key, {"v": "integer"}, self.options)
        return model(self.name, self.key, {"p": "float"}, options=self.options)


SHA = "0a" * 32
CASES = [
    Case("dynamodb", {"consistent": True}),
    Case("dynamodb", {"consistent": 1}, "option 'consistent' is true or false"),
    Case(
        "dynamodb", {}, "a key of more than two columns needs option 'key'", {"a": "string", "b": "date", "c": "date"}
    ),
    Case("feast", {"view": "routes", "event_time_feature": True}),
    Case("feast", {"ttl": 1}, "a feature view of kind feast has no option 'ttl'"),
    Case("feast", {"view": 7}, "option 'view' is a text"),
    Case("mlflow", {"params": {"k": 3}}),
    Case("mlflow", {"speed": 1}, "a model of kind mlflow has no option 'speed'; there are params"),
    Case("mlflow", {"params": [3]}, "option 'params' is a mapping"),
    Case("onnx", {"sha256": SHA, "tensor": "x"}),
    Case("onnx", {}, "input x of the type array<float> has no tensor", {"x": "array<float>"}),
    Case("onnx", {"sha": SHA}, "a model of an onnx source has no option 'sha'; there are sha256, tensor"),
    Case("onnx", {"sha256": SHA[1:]}, "option 'sha256' is a digest of 64 hexadecimal digits"),
    Case("onnx", {"sha256": 7}, "option 'sha256' is a text"),
    Case("onnx", {"tensor": "x"}, "input y is no number, which one tensor for all inputs needs", {"y": "string"}),
    Case("onnx", {}, "the name of a model is the name of a file in the folder", name="../it"),
    Case("onnx", {}, "the name of a model is the name of a file in the folder", name=".it"),
    Case("open_inference", {"tensor": "x", "floats": "FP32"}),
    Case("open_inference", {"speed": 1}, "a model of kind open_inference has no option 'speed'"),
    Case("open_inference", {"floats": "FP16"}, "option 'floats' is one of FP64, FP32"),
    Case("open_inference", {"tensor": "x"}, "input y is no number", {"y": "string"}),
    Case("open_inference", {}, "input y is no number", {"y": "string"}, {"tensor": "x"}),
    Case("open_inference", {}, "input y of the type array<float> has no tensor", {"y": "array<float>"}),
    Case("redis", {"key": "r:{x}"}),
    Case("redis", {"prefix": "r"}, "a feature view in redis has no option 'prefix'; there are key"),
    Case("redis", {"key": "r:{y}"}, "the key template names 'y', which is no key column"),
    Case("sagemaker", {"format": "csv"}),
    Case("sagemaker", {"format": "xml"}, "option 'format' is one of json-instances, json-records, csv"),
    Case("sagemaker", {"endpoint": "x"}, "has no option 'endpoint'"),
    Case("sagemaker_features", {"separator": "#"}),
    Case("sagemaker_features", {"key": "{x}", "separator": "#"}, "options 'key' and 'separator' both say how"),
    Case("vertex", {"instances": "values", "endpoint": "7"}),
    Case("vertex", {"project": "p"}, "a model of kind vertex has no option 'project'"),
    Case("vertex", {"instances": "rows"}, "option 'instances' is one of records, lists, values"),
    Case("vertex", {"instances": "values"}, "'values', which has no place for more", {"a": "date", "b": "date"}),
]


def opened(case: Case, guarded: bool) -> Keyed:
    options = {**case.source, **({"credentials": "none"} if case.kind == "vertex" else {})}
    location = "eu-west-1" if case.kind in ("dynamodb", "sagemaker", "sagemaker_features") else None
    source = Source("it", case.kind, URLS[case.kind], Place("test"), location, options=options)
    return (open_guarded if guarded else open_keyed)(source, source.url, Path())


@pytest.mark.parametrize("guarded", [False, True], ids=["bare", "guarded"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind} {dict(case.options)}")
async def test_fit(case: Case, guarded: bool) -> None:
    backend = opened(case, guarded)
    try:
        if not case.says:
            backend.fit(case.product())
            return
        with pytest.raises(ValueError, match=re.escape(case.says)):
            backend.fit(case.product())
    finally:
        await backend.close()


@pytest.mark.parametrize("fits", [False, True])
def test_every_kind_has_cases(fits: bool) -> None:
    assert {case.kind for case in CASES if fits is not bool(case.says)} == STORES | SCORERS
