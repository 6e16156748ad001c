"""The model card in the catalog says what the training wrote down, and names the file that it is about."""

from __future__ import annotations

import json
from pathlib import Path

from app.project import load_project
from schema.catalog import Model

FLIGHTS = Path(__file__).resolve().parents[2] / "examples" / "flights"
WRITTEN = json.loads((FLIGHTS / "models" / "delay_risk.json").read_text(encoding="utf-8"))
RISK = load_project(FLIGHTS).catalog.products["ml.delay_risk"]


def model() -> Model:
    assert RISK.model is not None
    return RISK.model


def test_figures_are_those_of_the_test_month() -> None:
    names = ("auc", "brier", "brier_of_constant", "base_rate", "mean_probability", "precision", "recall")
    assert dict(model().card.metrics) == {name: WRITTEN["tested"][name] for name in names}


def test_texts_quote_them_rightly() -> None:
    trained, tested = WRITTEN["trained"], WRITTEN["tested"]
    window = f"{trained['flights']:,} flights that arrived, {trained['from']} to {trained['to']}"
    assert window in model().card.training_data
    assert f"AUC {tested['auc']}" in model().card.intended_use
    assert f"{tested['flights']:,} flights" in model().card.intended_use
    late, said = f"{tested['base_rate']:.1%}", f"{tested['mean_probability']:.1%}"
    assert f"{late} of flights were late where it said {said}" in model().card.intended_use
    assert f"from a probability of {WRITTEN['threshold']} on" in RISK.columns["label"].description


def test_it_is_the_file_and_the_signature_that_were_written() -> None:
    assert model().options == {"sha256": WRITTEN["sha256"]}
    assert (model().version, RISK.physical) == (WRITTEN["version"], (WRITTEN["name"],))
    assert (model().inputs, model().outputs) == (tuple(WRITTEN["inputs"]), tuple(WRITTEN["outputs"]))
    assert model().nullable == {name for name, kind in WRITTEN["inputs"].items() if kind.endswith("null for unknown")}
