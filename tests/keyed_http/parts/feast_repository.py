"""Run inside Feast's environment: define and fill two feature views over three routes, in SQLite.

feast_repository.py FOLDER
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

os.chdir(sys.argv[1])
Path("feature_store.yaml").write_text(
    "project: flights\nregistry: registry.db\nprovider: local\nentity_key_serialization_version: 3\n"
    "online_store: {type: sqlite, path: online.db}\n"
)
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType  # noqa: E402 - needs the file above
from feast.types import Array, Bool, Float64, Int64, String, UnixTimestamp  # noqa: E402

now = datetime.now(UTC)
times = [datetime(2026, 1, 31, 5, tzinfo=UTC), now - timedelta(hours=1), now - timedelta(hours=1)]
pd.DataFrame(
    {
        "ORIGIN": ["EWR", "JFK", "LGA"],
        "DEST": ["IAH", "MIA", "ATL"],
        "mean_delay_30d": [7.25, None, 3.5],
        "flights_30d": [9_007_199_254_740_993, 12, 5],
        "note": ["a", "ü\"'", ""],
        "busy": [True, False, True],
        "seen": [datetime(2013, 1, 1, 5, tzinfo=UTC)] * 3,
        "history": [[1.0, 2.0], [3.0], []],
        "event_timestamp": times,
        "created": times,
    }
).to_parquet("routes.parquet")
source = FileSource(path="routes.parquet", timestamp_field="event_timestamp", created_timestamp_column="created")
ends = [Entity(name=name, join_keys=[name.upper()], value_type=ValueType.STRING) for name in ("origin", "dest")]
fields = [
    Field(name="ORIGIN", dtype=String),
    Field(name="DEST", dtype=String),
    Field(name="mean_delay_30d", dtype=Float64),
    Field(name="flights_30d", dtype=Int64),
    Field(name="note", dtype=String),
    Field(name="busy", dtype=Bool),
    Field(name="seen", dtype=UnixTimestamp),
    Field(name="history", dtype=Array(Float64)),
]
views = [
    FeatureView(name="route_delay", entities=ends, ttl=timedelta(days=7), schema=fields, source=source, online=True),
    FeatureView(name="route_more", entities=ends, ttl=timedelta(0), schema=fields[:3], source=source, online=True),
]
store = FeatureStore(".")
store.apply([*ends, *views])
store.materialize(datetime(2026, 1, 1, tzinfo=UTC), now, feature_views=["route_delay", "route_more"])
