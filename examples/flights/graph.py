"""The ONNX graph of delay_risk: named inputs of one column each, before the trees; a label by threshold after them.

    distance, hour, day_of_week   int64 [n, 1]
    carrier                       string [n, 1]; one that was not trained on is read as missing
    route_mean_delay ..           float [n, 1]; NaN is missing
    -> probability float [n, 1], label string [n, 1]: "late" from the threshold on, else "on_time"

Read by train.py only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy
from onnx import ModelProto, NodeProto, TensorProto, checker, compose, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier

OPSETS = {"": 17, "ai.onnx.ml": 3}
IR = 8


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the model: ``spelling`` of its type, ``element`` in ONNX, and how values become it."""

    spelling: str
    element: int

    def column(self, found: numpy.ndarray) -> numpy.ndarray:
        """What the warehouse gave; null is NaN where the type has one."""
        if self.element == TensorProto.STRING:
            return numpy.asarray(found, dtype=object)
        if self.element == TensorProto.INT64:
            return numpy.asarray(found, dtype=numpy.int64)
        return numpy.ma.filled(numpy.ma.asarray(found, dtype=numpy.float32), math.nan)

    def tensor(self, values: numpy.ndarray) -> numpy.ndarray:
        return values.reshape(-1, 1)

    def plain(self, value: object) -> object:
        """As JSON has it: missing is null."""
        if self.element == TensorProto.STRING:
            return str(value)
        number = float(value)  # type: ignore[arg-type]
        if self.element == TensorProto.INT64:
            return int(number)
        return None if math.isnan(number) else number


WHOLE, WORD, NUMBER = (
    Input("int64", TensorProto.INT64),
    Input("string", TensorProto.STRING),
    Input("float32, null for unknown", TensorProto.FLOAT),
)
INPUTS: Mapping[str, Input] = {
    "distance": WHOLE,
    "hour": WHOLE,
    "day_of_week": WHOLE,
    "carrier": WORD,
    "route_mean_delay": NUMBER,
    "route_late_share": NUMBER,
    "plane_age": NUMBER,
}
FEATURES = tuple(INPUTS)
"""What the trees read, in order: each input as a 32-bit float, the carrier by its code."""


def as_onnx(trees: HistGradientBoostingClassifier, carriers: Mapping[str, float], threshold: float) -> bytes:
    core = to_onnx(
        trees,
        initial_types=[("features", FloatTensorType([None, len(FEATURES)]))],
        options={"zipmap": False},
        target_opset=OPSETS,
    )
    core = compose.add_prefix(core, "trees_")
    nodes = [*_before(carriers), *core.graph.node, *_behind()]
    graph = helper.make_graph(
        nodes,
        "delay_risk",
        [helper.make_tensor_value_info(name, kind.element, ["n", 1]) for name, kind in INPUTS.items()],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1]),
            helper.make_tensor_value_info("label", TensorProto.STRING, ["n", 1]),
        ],
        [*core.graph.initializer, *_constants(threshold)],
    )
    return _model(graph).SerializeToString(deterministic=True)


def _before(carriers: Mapping[str, float]) -> list[NodeProto]:
    nodes = []
    for name, kind in INPUTS.items():
        if kind.element == TensorProto.INT64:
            nodes.append(helper.make_node("Cast", [name], [f"{name}_number"], to=TensorProto.FLOAT))
    nodes.append(
        helper.make_node(
            "LabelEncoder",
            ["carrier"],
            ["carrier_number"],
            domain="ai.onnx.ml",
            keys_strings=list(carriers),
            values_floats=list(carriers.values()),
            default_float=math.nan,
        )
    )
    read = [name if INPUTS[name].element == TensorProto.FLOAT else f"{name}_number" for name in FEATURES]
    return [*nodes, helper.make_node("Concat", read, ["trees_features"], axis=1)]


def _behind() -> list[NodeProto]:
    return [
        helper.make_node("Gather", ["trees_probabilities", "late_at"], ["probability"], axis=1),
        helper.make_node("GreaterOrEqual", ["probability", "threshold"], ["is_late"]),
        helper.make_node("Where", ["is_late", "late", "on_time"], ["label"]),
    ]


def _constants(threshold: float) -> list[TensorProto]:
    return [
        numpy_helper.from_array(numpy.array([1], dtype=numpy.int64), "late_at"),
        numpy_helper.from_array(numpy.array([threshold], dtype=numpy.float32), "threshold"),
        helper.make_tensor("late", TensorProto.STRING, [1], [b"late"]),
        helper.make_tensor("on_time", TensorProto.STRING, [1], [b"on_time"]),
    ]


def _model(graph: object) -> ModelProto:
    model = helper.make_model(
        graph,
        producer_name="customhouse",
        ir_version=IR,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in OPSETS.items()],
    )
    checker.check_model(model, full_check=False)
    return model
