"""How MLServer serves an ONNX file: it has runtimes for scikit-learn, LightGBM and others, but none for ONNX.

    python3.12 -m venv .run/mlserver
    .run/mlserver/bin/pip install -r examples/flights/models/mlserver/requirements.txt
    .run/mlserver/bin/mlserver start examples/flights/models/mlserver

Read by MLServer only. A tensor is taken as [n] or [n, 1], with any datatype whose values the model's own type holds;
null is missing, where the model's type has NaN. What does not fit is answered with 400, and without a value in it.
"""

from __future__ import annotations

import numpy
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput
from mlserver.utils import get_model_uri

_ELEMENTS = {
    "tensor(float)": numpy.float32,
    "tensor(double)": numpy.float64,
    "tensor(int32)": numpy.int32,
    "tensor(int64)": numpy.int64,
    "tensor(bool)": numpy.bool_,
    "tensor(string)": numpy.object_,
}


class OnnxModel(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            await get_model_uri(self.settings), options, providers=["CPUExecutionProvider"]
        )
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        given = {tensor.name: tensor for tensor in payload.inputs}
        feed = {put.name: _tensor(put, given.get(put.name)) for put in self._session.get_inputs()}
        if len({len(values) for values in feed.values()}) != 1:
            raise InferenceError("the inputs have not as many rows as each other")
        names = [put.name for put in payload.outputs or self._session.get_outputs()]
        if not set(names) <= {put.name for put in self._session.get_outputs()}:
            raise InferenceError("the model has no such output")
        outputs = [
            StringCodec.encode_output(name, values.ravel().tolist())
            if values.dtype == numpy.object_
            else NumpyCodec.encode_output(name, values)
            for name, values in zip(names, self._session.run(names, feed), strict=True)
        ]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)


def _tensor(put: onnxruntime.NodeArg, given: RequestInput | None) -> numpy.ndarray:
    """A column of the model's own type."""
    if given is None:
        raise InferenceError(f"input {put.name} is missing")
    element = _ELEMENTS[put.type]
    try:
        if element is numpy.object_:
            values = ["" if word is None else word for word in StringCodec.decode_input(given)]
        else:
            values = [numpy.nan if number is None else number for number in given.data]
        return numpy.array(values, dtype=element).reshape(-1, 1)
    except (TypeError, ValueError, OverflowError):
        raise InferenceError(f"input {put.name} is not one value for each row") from None
