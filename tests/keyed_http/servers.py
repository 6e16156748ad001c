"""What each kind of model server answers, for one small model: a stand-in, shaped as the real ones were seen to answer.

The model: `probability` is the distance over 4000 (0.5 where there is none), `label` the carrier with its seats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from resolvers.backends.keyed.keyed import Keyed
from schema.catalog import SourceKind
from tests.keyed_http.products import opened
from tests.keyed_http.stand_in import Answer, Reply, Request, said

Score = tuple[float, str]


def score(distance: object, carrier: object, seats: object) -> Score:
    return (0.5 if distance is None else float(str(distance)) / 4000, f"{carrier}/{seats}")


def open_inference(request: Request, spoil: int = 0) -> Reply:
    if request.method == "GET":
        return Reply(b"")
    assert request.path == "/v2/models/delay-risk/infer"
    body = cast(Mapping[str, Sequence[Mapping[str, Sequence[object]]]], request.json())
    found = [score(*row) for row in zip(*(tensor["data"] for tensor in body["inputs"]), strict=True)]
    found = found[: len(found) - spoil]
    return said(
        {
            "model_name": "delay-risk",
            "outputs": [
                {"name": "label", "datatype": "BYTES", "shape": [len(found)], "data": [label for _, label in found]},
                {"name": "probability", "datatype": "FP64", "shape": [len(found), 1], "data": [p for p, _ in found]},
            ],
        }
    )


def mlflow(request: Request, spoil: int = 0) -> Reply:
    if request.method == "GET":
        return Reply(b"")
    assert request.path == "/invocations"
    frame = cast(Mapping[str, Mapping[str, Sequence[Sequence[object]]]], request.json())["dataframe_split"]
    assert frame["columns"] == ["distance", "CARRIER", "seats"]
    return _records([score(*row) for row in frame["data"]], spoil)


def vertex(request: Request, spoil: int = 0) -> Reply:
    if request.method == "GET":
        return Reply(b"", 404)
    assert request.path == "/v1/projects/p/locations/europe-west4/endpoints/delay-risk:predict"
    rows = cast(Mapping[str, Sequence[Mapping[str, object]]], request.json())["instances"]
    return _records([score(row["distance"], row["CARRIER"], row["seats"]) for row in rows], spoil)


def _records(found: Sequence[Score], spoil: int) -> Reply:
    records = [{"label": label, "probability": probability} for probability, label in found]
    return said({"predictions": records[: len(records) - spoil]})


@dataclass(frozen=True, slots=True)
class Kind:
    name: SourceKind
    answer: Callable[..., Reply]

    def open(self, url: str, **options: object) -> Keyed:
        if self.name == "vertex":
            options = {"project": "p", "credentials": "none", **options}
            return opened("vertex", url, "europe-west4", **options)
        return opened(self.name, url, **options)

    def short(self) -> Answer:
        """Answers with one row too few."""
        return lambda request: self.answer(request, 1)


KINDS = (Kind("open_inference", open_inference), Kind("mlflow", mlflow), Kind("vertex", vertex))
