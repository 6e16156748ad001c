"""ONNX: models of a folder, scored in this process by onnxruntime. No service, no network.

    sources:
      scorer: {kind: onnx, url: models/}        # ml.delay_risk with `name: delay_risk` is models/delay_risk.onnx

1. A file is read whole, its SHA-256 compared with the model's option ``sha256`` where it has one, and what was read,
   not the file, becomes a session. A file that another took the place of is read again.
2. Its signature must be the catalog's (`onnx_tensors.py`), else no row is scored.
3. A call runs in one thread (so that equal inputs score equally to the last bit, whatever else is in the call; with
   more, sums of floats depend on how many rows there are). At the deadline the session is told to end, which it does
   after the operator it is at.

CH501: there is no such file. CH502: the file, its signature or its answer is not what the catalog says. The log has the
reason. Does not promise: models that keep tensors in files beside them, operators that onnxruntime lacks, or that a
single operator ends at the deadline (the caller gets CH503 then all the same).
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onnxruntime import ExecutionMode, InferenceSession, RunOptions, SessionOptions

from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.onnx_tensors import Signature, Unfit
from resolvers.backends.threads import Job, Stopped, Threads
from schema.catalog import Product, Source

BATCH = 1000
_SOURCE_OPTIONS = frozenset({"intra_op_threads", "workers", "batch"})
_MODEL_OPTIONS = frozenset({"sha256", "tensor"})
_SILENT = 4
"""Only fatal errors are written to the terminal: whatever else the runtime says, it raises as well."""


@dataclass(frozen=True, slots=True)
class _File:
    """A model as it was read. ``state`` tells it from what took its place; ``digest`` is the SHA-256."""

    state: tuple[int, int, int]
    digest: str
    session: InferenceSession


class Onnx:
    """Options: ``intra_op_threads`` (1) of a call, ``workers`` (calls at once; default the cores), ``batch`` (1000)
    where the model does not say. Raises ValueError for others, and for a ``folder`` that is a file."""

    def __init__(self, source: Source, folder: Path) -> None:
        unknown = sorted(source.options.keys() - _SOURCE_OPTIONS)
        if unknown:
            raise ValueError(f"an onnx source has no option '{unknown[0]}'")
        if folder.is_file():
            raise ValueError("an onnx source names a folder of .onnx files, not a file")
        self.name = source.name
        self._folder = folder
        self._intra = _whole(source.options, "intra_op_threads", 1)
        self._batch = _whole(source.options, "batch", BATCH)
        self._threads = Threads(source.name, _whole(source.options, "workers", os.cpu_count() or 1))
        self._loading = threading.Lock()
        self._files: dict[str, _File] = {}
        self._fitted: dict[str, tuple[Product, InferenceSession, Signature]] = {}

    def batch(self, product: Product) -> int:
        return (product.model.batch if product.model else None) or self._batch

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        """One scoring per key: its inputs and all outputs, so that one that is kept serves whoever asks next. None for
        a key with a null that its model does not take."""

        def work(job: Job) -> list[Row | None]:
            session, signature = self._model(product)
            options = RunOptions()
            # These options are this call's alone, so that nobody else's call is ended.
            job.running(lambda: setattr(options, "terminate", True))
            return signature.score(session, options, keys)

        try:
            return await self._threads.run(work, call.deadline)
        except (TimeoutError, Stopped) as error:
            raise timed_out(self.name, error) from None
        except FileNotFoundError:
            raise down(self.name, Unfit(f"there is no model file {product.physical[0]}.onnx")) from None
        except Exception as error:  # noqa: BLE001 - the runtime raises classes of its own for files, shapes and operators
            raise failed(self.name, error) from None

    async def check(self) -> None:
        if not self._folder.is_dir():
            raise down(self.name, Unfit("there is no such folder of models"))

    async def close(self) -> None:
        await self._threads.close()
        self._files.clear()
        self._fitted.clear()

    def _model(self, product: Product) -> tuple[InferenceSession, Signature]:
        """The session of a model and what the catalog makes of its signature. Raises Unfit, or the runtime's errors."""
        if product.model is None or len(product.physical) != 1:
            raise Unfit(f"{product.id} is no model")
        name, options = product.physical[0], product.model.options
        if unknown := sorted(options.keys() - _MODEL_OPTIONS):
            raise Unfit(f"a model of an onnx source has no option {unknown[0]}")
        with self._loading:
            session = self._session(name, options.get("sha256"))
            fitted = self._fitted.get(product.id)
            if fitted is None or fitted[0] is not product or fitted[1] is not session:
                fitted = (product, session, Signature.of(product, session))
                self._fitted[product.id] = fitted
        return session, fitted[2]

    def _session(self, name: str, declared: object) -> InferenceSession:
        path = self._folder / f"{name}.onnx"
        if path.parent != self._folder or name.startswith("."):
            raise Unfit("the name of a model is the name of a file in the folder, without its ending")
        found = path.stat()
        state = (found.st_ino, found.st_size, found.st_mtime_ns)
        file = self._files.get(name)
        if file is None or file.state != state:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            _same(name, digest, declared)  # before the runtime reads it
            file = _File(state, digest, self._opened(name, content))
            self._files[name] = file
        _same(name, file.digest, declared)
        return file.session

    def _opened(self, name: str, content: bytes) -> InferenceSession:
        options = SessionOptions()
        options.intra_op_num_threads = self._intra
        options.inter_op_num_threads = 1
        options.execution_mode = ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _SILENT
        try:
            return InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - the runtime's own classes; what they say quotes the file
            raise Unfit(f"model {name}: onnxruntime cannot read the file: {type(error).__name__}") from None


def _same(name: str, digest: str, declared: object) -> None:
    if declared is not None and (not isinstance(declared, str) or declared.lower() != digest):
        raise Unfit(f"model {name}: the file is not the one whose sha256 the catalog declares")


def _whole(options: Mapping[str, object], name: str, default: int) -> int:
    found = options.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise ValueError(f"option '{name}' is a whole number from 1")
    return found
