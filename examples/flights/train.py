"""Train delay_risk: how likely a flight is to arrive 15 minutes late or more, from what is known before it leaves.

1. Join each flight to the last snapshot of its route and its aircraft before it (features.sql): nothing later is seen.
2. Fit on February to September, validate on October and November: there the threshold of the label is chosen, once.
3. Fit again on February to November, and test on December, which no choice was made by.
4. Write the model as ONNX (graph.py), check that it scores December as scikit-learn does, and write what it is worth
   to models/delay_risk.json and a few scored flights to models/delay_risk.sample.json.

Flights that did not arrive are left out: the answer is about flights that do. The month is no input: one year has each
month once, so a tree would learn the weather of that year by it (tried: validation AUC falls from 0.65 to 0.64). The
same seed, versions and machine give the same bytes.

Usage, in an environment of its own:
    python3 -m venv .run/train && .run/train/bin/pip install -r examples/flights/requirements-train.txt
    .run/train/bin/python examples/flights/train.py
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy
import onnxruntime
from build import WAREHOUSE, build
from graph import FEATURES, INPUTS, as_onnx
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import brier_score_loss, f1_score, precision_score, recall_score, roc_auc_score
from threadpoolctl import threadpool_limits

MODELS = Path(__file__).resolve().parent / "models"
VERSION = "1"
SEED = 2013
SETTINGS = {"max_iter": 60, "learning_rate": 0.1, "max_leaf_nodes": 16, "min_samples_leaf": 200}
SAMPLED = 12
FLIGHTS = """
SELECT f.month, f.distance, f.hour, f.day_of_week, f.carrier, r.mean_delay_30d AS route_mean_delay,
       r.late_share_30d AS route_late_share, p.age_years AS plane_age, CAST(f.arr_delay >= 15 AS INTEGER) AS late
FROM flights AS f
ASOF LEFT JOIN route_delay_features AS r ON r.origin = f.origin AND r.dest = f.dest AND r.as_of <= f.time_hour
ASOF LEFT JOIN plane_features AS p ON p.tailnum = f.tailnum AND p.as_of <= f.time_hour
WHERE f.arr_delay IS NOT NULL AND f.month >= 2 ORDER BY f.id
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """Flights as columns. ``inputs`` by name in the model's order, ``late`` 0 or 1."""

    months: numpy.ndarray
    inputs: dict[str, numpy.ndarray]
    late: numpy.ndarray

    def during(self, first: int, last: int) -> Rows:
        chosen = (self.months >= first) & (self.months <= last)
        picked = {name: values[chosen] for name, values in self.inputs.items()}
        return Rows(self.months[chosen], picked, self.late[chosen])


@dataclass(frozen=True, slots=True)
class Fitted:
    trees: HistGradientBoostingClassifier
    carriers: dict[str, float]

    def score(self, rows: Rows) -> numpy.ndarray:
        return self.trees.predict_proba(matrix(rows, self.carriers))[:, 1]


def read() -> Rows:
    build()
    with duckdb.connect(str(WAREHOUSE), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(FLIGHTS).fetchnumpy()
    columns = {name: INPUTS[name].column(found[name]) for name in INPUTS}
    return Rows(numpy.asarray(found["month"]), columns, numpy.asarray(found["late"]))


def matrix(rows: Rows, carriers: dict[str, float]) -> numpy.ndarray:
    """What the trees read: a column of 32-bit floats per feature, as the ONNX graph makes it."""
    coded = {"carrier": numpy.array([carriers.get(carrier, math.nan) for carrier in rows.inputs["carrier"]])}
    return numpy.column_stack([{**rows.inputs, **coded}[name] for name in FEATURES]).astype(numpy.float32)


def fit(rows: Rows) -> Fitted:
    """A carrier is read as the share of its flights that were late in these rows; one that they lack is missing."""
    names = rows.inputs["carrier"]
    carriers = {name: float(numpy.float32(rows.late[names == name].mean())) for name in sorted(set(names))}
    trees = HistGradientBoostingClassifier(**SETTINGS, early_stopping=False, random_state=SEED)
    return Fitted(trees.fit(matrix(rows, carriers), rows.late), carriers)


def threshold_of(late: numpy.ndarray, scores: numpy.ndarray) -> float:
    """The probability from which on a flight is called late: of the hundredths, the one with the best F1."""
    return max((at / 100 for at in range(5, 60)), key=lambda at: f1_score(late, scores >= at))


def metrics(late: numpy.ndarray, scores: numpy.ndarray, constant: float, threshold: float) -> dict[str, float]:
    """``brier_of_constant`` is what saying the training's base rate of every flight would have got."""
    called = scores >= threshold
    found = {
        "auc": roc_auc_score(late, scores),
        "brier": brier_score_loss(late, scores),
        "brier_of_constant": brier_score_loss(late, numpy.full(len(late), constant)),
        "base_rate": late.mean(),
        "mean_probability": scores.mean(),
        "precision": precision_score(late, called),
        "recall": recall_score(late, called),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def window(rows: Rows, first: str, last: str) -> dict[str, object]:
    return {"from": first, "to": last, "flights": len(rows.late)}


def deciles(late: numpy.ndarray, scores: numpy.ndarray) -> list[dict[str, float]]:
    """Calibration: ten groups of flights by rising probability, what was said and what came."""
    parts = numpy.array_split(numpy.argsort(scores, kind="stable"), 10)
    return [
        {"flights": len(part), "said": round(float(scores[part].mean()), 4), "late": round(float(late[part].mean()), 4)}
        for part in parts
    ]


def check(model: bytes, rows: Rows, scores: numpy.ndarray, threshold: float) -> None:
    """Raise unless the ONNX model says what scikit-learn says of these flights."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed = {name: INPUTS[name].tensor(values) for name, values in rows.inputs.items()}
    probability, label = session.run(["probability", "label"], feed)
    if numpy.abs(probability[:, 0] - scores).max() > 1e-5:
        raise SystemExit("The ONNX model does not score as scikit-learn does.")
    clear = numpy.abs(scores - threshold) > 1e-5
    if ((label[:, 0] == "late") != (scores >= threshold))[clear].any():
        raise SystemExit("The ONNX model does not label as scikit-learn does.")


def sample(rows: Rows, fitted: Fitted, threshold: float) -> list[dict[str, dict[str, object]]]:
    """Flights spread over the month, some of an aircraft without an age; the last as if nothing of it were known."""
    picked = numpy.linspace(0, len(rows.late) - 1, SAMPLED).astype(int)
    chosen = {name: values[picked].copy() for name, values in rows.inputs.items()}
    chosen["carrier"][-1] = "??"
    for name in ("route_mean_delay", "route_late_share", "plane_age"):
        chosen[name][-1] = math.nan
    scores = fitted.score(Rows(rows.months[picked], chosen, rows.late[picked]))
    return [
        {
            "inputs": {name: INPUTS[name].plain(chosen[name][at]) for name in INPUTS},
            "outputs": {
                "probability": round(float(scores[at]), 6),
                "label": "late" if scores[at] >= threshold else "on_time",
            },
        }
        for at in range(SAMPLED)
    ]


def main() -> int:
    rows = read()
    early, middle, last = rows.during(2, 9), rows.during(10, 11), rows.during(12, 12)
    whole = rows.during(2, 11)
    first = fit(early)
    guessed = first.score(middle)
    threshold = threshold_of(middle.late, guessed)
    fitted = fit(whole)
    scores = fitted.score(last)
    model = as_onnx(fitted.trees, fitted.carriers, threshold)
    check(model, last, scores, threshold)
    card = {
        "name": "delay_risk",
        "version": VERSION,
        "predicts": "arrives 15 minutes late or more, given that it arrives",
        "threshold": threshold,
        "trained": window(whole, "2013-02-01", "2013-11-30"),
        "validated": {
            **window(middle, "2013-10-01", "2013-11-30"),
            "by": "a fit up to September",
            **metrics(middle.late, guessed, float(early.late.mean()), threshold),
        },
        "tested": {
            **window(last, "2013-12-01", "2013-12-31"),
            **metrics(last.late, scores, float(whole.late.mean()), threshold),
        },
        "calibration": {"validated": deciles(middle.late, guessed), "tested": deciles(last.late, scores)},
        "inputs": {name: kind.spelling for name, kind in INPUTS.items()},
        "outputs": {"probability": "float32", "label": "string"},
        "settings": {**SETTINGS, "random_state": SEED},
        "versions": {name: importlib.metadata.version(name) for name in ("scikit-learn", "skl2onnx", "onnx", "numpy")},
        "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
    }
    (MODELS / "delay_risk.onnx").write_bytes(model)
    for name, content in (("delay_risk.json", card), ("delay_risk.sample.json", sample(last, fitted, threshold))):
        (MODELS / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({name: card[name] for name in ("threshold", "validated", "tested", "bytes", "sha256")}, indent=2))
    return 0


if __name__ == "__main__":
    with threadpool_limits(1):  # the sum of floats depends on who adds first
        sys.exit(main())
