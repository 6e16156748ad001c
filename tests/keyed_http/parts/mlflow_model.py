"""Run inside MLflow's environment: save a small model with a signature.

    mlflow_model.py FOLDER

`probability` is 0.9 where it is late and 0.1 where not, and NaN beyond 10,000; `label` says it in words.
"""

import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema


class Risk(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        distance = model_input["distance"].fillna(5000)
        late = (distance > 1200) ^ (model_input["CARRIER"] == "B6")
        probability = np.where(distance > 10_000, np.nan, np.where(late, 0.9, 0.1))
        label = np.where(late, "late", "on time")
        return pd.DataFrame({"probability": probability, "label": label, "seats_seen": model_input["seats"]})


inputs = Schema(
    [
        ColSpec("double", "distance", required=False),
        ColSpec("string", "CARRIER", required=False),
        ColSpec("long", "seats"),
        ColSpec("datetime", "at", required=False),
    ]
)
outputs = Schema([ColSpec("double", "probability"), ColSpec("string", "label"), ColSpec("long", "seats_seen")])
mlflow.pyfunc.save_model(sys.argv[1], python_model=Risk(), signature=ModelSignature(inputs, outputs))
