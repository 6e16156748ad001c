"""The example's model: the file is the one its card tells of, and it is worth what the card says, no more.

The figures are worked out again from the warehouse, the plain onnxruntime and the definitions of the measures.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy
import onnxruntime
import pytest

MODELS = Path(__file__).resolve().parents[2] / "examples" / "flights" / "models"
CARD = json.loads((MODELS / "delay_risk.json").read_text(encoding="utf-8"))
SAMPLE = json.loads((MODELS / "delay_risk.sample.json").read_text(encoding="utf-8"))
DECEMBER = """
SELECT f.distance, f.hour, f.day_of_week, f.carrier, CAST(f.arr_delay >= 15 AS INTEGER) AS late,
       (SELECT mean_delay_30d FROM route_delay_features r WHERE r.origin = f.origin AND r.dest = f.dest
          AND r.as_of = '2013-12-01') AS route_mean_delay,
       (SELECT late_share_30d FROM route_delay_features r WHERE r.origin = f.origin AND r.dest = f.dest
          AND r.as_of = '2013-12-01') AS route_late_share,
       (SELECT age_years FROM plane_features p WHERE p.tailnum = f.tailnum AND p.as_of = '2013-12-01') AS plane_age
FROM flights f WHERE f.month = 12 AND f.arr_delay IS NOT NULL ORDER BY f.id
"""
ELEMENTS = {"int64": numpy.int64, "string": object, "float32, null for unknown": numpy.float32}
Columns = Mapping[str, numpy.ndarray]


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(MODELS / "delay_risk.onnx", providers=["CPUExecutionProvider"])


def score(session: onnxruntime.InferenceSession, columns: Columns) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Probabilities and labels, [n] each."""
    feed = {
        name: numpy.ma.filled(numpy.ma.asarray(columns[name], dtype=ELEMENTS[spelling]), math.nan)
        if spelling.startswith("float")
        else numpy.asarray(columns[name], dtype=ELEMENTS[spelling])
        for name, spelling in CARD["inputs"].items()
    }
    probability, label = session.run(["probability", "label"], {n: v.reshape(-1, 1) for n, v in feed.items()})
    return numpy.asarray(probability)[:, 0], numpy.asarray(label)[:, 0]


@pytest.fixture(scope="module")
def december(
    warehouse: Path, session: onnxruntime.InferenceSession
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Whether each flight was late, its probability and its label."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = connection.execute(DECEMBER).fetchnumpy()
    return numpy.asarray(columns["late"]), *score(session, columns)


def area_under_the_curve(late: numpy.ndarray, scores: numpy.ndarray) -> float:
    """How often a late flight has the higher score of a pair (Mann and Whitney's U), ties by half."""
    _, places, counts = numpy.unique(scores, return_inverse=True, return_counts=True)
    ranks = (numpy.cumsum(counts) - (counts - 1) / 2)[places]
    positives = int(late.sum())
    return float((ranks[late == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(late) - positives)))


def test_the_file_is_the_one_of_the_card() -> None:
    content = (MODELS / "delay_risk.onnx").read_bytes()
    assert hashlib.sha256(content).hexdigest() == CARD["sha256"]
    assert len(content) == CARD["bytes"] < 300_000


def test_its_signature_is_the_one_of_the_card(session: onnxruntime.InferenceSession) -> None:
    kinds = {"tensor(int64)": "int64", "tensor(string)": "string", "tensor(float)": "float32"}
    found = {put.name: (kinds[put.type], put.shape) for put in (*session.get_inputs(), *session.get_outputs())}
    told = {name: (said.partition(",")[0], ["n", 1]) for name, said in {**CARD["inputs"], **CARD["outputs"]}.items()}
    assert found == told


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: f"{case['inputs']['carrier']}-{case['inputs']['hour']}")
def test_the_sample_scores_as_scikit_learn_did(case: dict[str, dict[str, object]], session: object) -> None:
    assert isinstance(session, onnxruntime.InferenceSession)
    inputs = {name: math.nan if value is None else value for name, value in case["inputs"].items()}
    probability, label = score(session, {name: numpy.array([value]) for name, value in inputs.items()})
    assert probability[0] == pytest.approx(case["outputs"]["probability"], abs=2e-6)
    assert label[0] == case["outputs"]["label"]


def test_the_sample_holds_what_is_awkward() -> None:
    assert {case["outputs"]["label"] for case in SAMPLE} == {"late", "on_time"}
    assert any(case["inputs"]["route_mean_delay"] is None and case["inputs"]["carrier"] == "??" for case in SAMPLE)


def test_it_is_worth_what_the_card_says(december: tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]) -> None:
    late, scores, labels = december
    called = labels == "late"
    assert (called == (scores >= numpy.float32(CARD["threshold"]))).all()
    found = {
        "flights": len(late),
        "auc": area_under_the_curve(late, scores),
        "brier": ((scores - late) ** 2).mean(),
        "base_rate": late.mean(),
        "mean_probability": scores.mean(),
        "precision": late[called].mean(),
        "recall": called[late == 1].mean(),
    }
    assert found == pytest.approx({name: CARD["tested"][name] for name in found}, abs=6e-5)


def test_it_is_calibrated_as_the_card_says(december: tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]) -> None:
    late, scores, _ = december
    parts = numpy.array_split(numpy.argsort(scores, kind="stable"), 10)
    told = CARD["calibration"]["tested"]
    assert [part["flights"] for part in told] == [len(part) for part in parts]
    assert [part["said"] for part in told] == pytest.approx([scores[part].mean() for part in parts], abs=1e-3)
    assert [part["late"] for part in told] == pytest.approx([late[part].mean() for part in parts], abs=2e-3)


def test_it_knows_more_than_the_base_rate(december: tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]) -> None:
    """And the card does not hide how little more: December was far later than the months before it."""
    late, _, _ = december
    assert CARD["tested"]["brier"] < CARD["tested"]["brier_of_constant"]
    assert CARD["tested"]["base_rate"] > CARD["tested"]["mean_probability"] + 0.1
    assert CARD["tested"]["auc"] < CARD["validated"]["auc"]
    assert area_under_the_curve(late, numpy.zeros(len(late))) == 0.5
    assert area_under_the_curve(late, late.astype(float)) == 1.0


def test_training_saw_no_december() -> None:
    assert CARD["trained"]["to"] < CARD["tested"]["from"]


def test_mlserver_would_serve_the_same() -> None:
    """Its settings name this file and this signature. Whether it does is the slow lane's question."""
    place = MODELS / "mlserver" / "delay_risk"
    settings = json.loads((place / "model-settings.json").read_text(encoding="utf-8"))
    assert (place / settings["parameters"]["uri"]).resolve() == MODELS / "delay_risk.onnx"
    assert (settings["name"], settings["parameters"]["version"]) == (CARD["name"], CARD["version"])
    kinds = {"INT64": "int64", "BYTES": "string", "FP32": "float32"}
    for side in ("inputs", "outputs"):
        served = [(put["name"], kinds[put["datatype"]], put["shape"]) for put in settings[side]]
        assert served == [(name, said.partition(",")[0], [-1, 1]) for name, said in CARD[side].items()]
    assert (place / (settings["implementation"].partition(".")[0] + ".py")).is_file()
