"""Run inside MLServer's environment: train two small models, lay them out for `mlserver start`, and say what they give.

    mlserver_models.py FOLDER HTTP_PORT GRPC_PORT METRICS_PORT

Prints as JSON what scikit-learn itself says for the rows of the test.
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

folder, ports = Path(sys.argv[1]), [int(port) for port in sys.argv[2:5]]
random = np.random.default_rng(7)


def write(name, model, declared):
    place = folder / name
    place.mkdir(parents=True)
    joblib.dump(model, place / "model.joblib")
    settings = {"name": name, "implementation": "mlserver_sklearn.SKLearnModel", **declared}
    settings["parameters"] = {"uri": "./model.joblib", "version": "1"}
    (place / "model-settings.json").write_text(json.dumps(settings))


flights = pd.DataFrame(
    {
        "distance": random.uniform(100, 3000, 400),
        "CARRIER": random.choice(["UA", "AA", "B6"], 400),
        "seats": random.integers(50, 300, 400),
    }
)
late = ((flights.distance > 1200) ^ (flights.CARRIER == "B6")).astype("int64")
risk = make_pipeline(
    make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["CARRIER"]), remainder="passthrough", sparse_threshold=0
    ),
    HistGradientBoostingClassifier(max_iter=20, random_state=0),
).fit(flights, late)
write(
    "delay-risk",
    risk,
    {
        "inputs": [
            {"name": "distance", "datatype": "FP64", "shape": [-1]},
            {"name": "CARRIER", "datatype": "BYTES", "shape": [-1], "parameters": {"content_type": "str"}},
            {"name": "seats", "datatype": "INT64", "shape": [-1]},
        ],
        "outputs": [
            {"name": "predict", "datatype": "INT64", "shape": [-1]},
            {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]},
        ],
    },
)
pairs = random.uniform(0, 1, (200, 2))
double = DecisionTreeRegressor(max_depth=4, random_state=0).fit(pairs, pairs[:, 0] * 2)
write("double", double, {})
(folder / "settings.json").write_text(
    json.dumps(
        {
            "host": "127.0.0.1",
            "http_port": ports[0],
            "grpc_port": ports[1],
            "metrics_port": ports[2],
            "parallel_workers": 0,
            "debug": False,
        }
    )
)
rows = pd.DataFrame(
    {"distance": [500.0, 2000.0, None, 1300.0], "CARRIER": ["UA", "B6", "UA", None], "seats": [100, 120, 5, 7]}
)
print(
    json.dumps(
        {
            "predict": risk.predict(rows).tolist(),
            "predict_proba": risk.predict_proba(rows).tolist(),
            "double": double.predict(np.array([[0.1, 0.2], [0.7, 0.8], [np.nan, 0.2]])).tolist(),
        }
    )
)
