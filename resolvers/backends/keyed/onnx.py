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
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onnxruntime import ExecutionMode, InferenceSession, RunOptions, SessionOptions

from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.keyed.onnx_tensors import Signature, Unfit, fits
from resolvers.backends.keyed.options import known, text, whole
from resolvers.backends.keyed.scoring import batch, signature
from resolvers.backends.places import Places
from resolvers.backends.threads import Job, Stopped, Threads
from schema.catalog import Product, Source

BATCH = 1000
_SOURCE_OPTIONS = ("batch", "intra_op_threads", "workers")
_MODEL_OPTIONS = ("sha256", "tensor")
_THREADS = 256
_NAME = "the name of a model is the name of a file in the folder, without its ending"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
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
        known(source.options, _SOURCE_OPTIONS, "an onnx source")
        if folder.is_file():
            raise ValueError("an onnx source names a folder of .onnx files, not a file")
        self.name = source.name
        self._folder = folder
        self._intra = whole(source.options, "intra_op_threads", 1, _THREADS)
        self._batch = whole(source.options, "batch", BATCH, 100_000)
        self._threads = Threads(
            source.name, whole(source.options, "workers", min(_THREADS, os.cpu_count() or 1), _THREADS)
        )
        self._loading = threading.Lock()
        self._files: dict[str, _File] = {}
        self._fitted: dict[str, tuple[Product, InferenceSession, Signature]] = {}

    def batch(self, product: Product) -> int:
        return batch(product, self._batch)

    def fit(self, product: Product) -> None:
        """Looks at no file: one that is not there yet, or that another takes the place of, is told of when it is
        asked."""
        options = signature(product).options
        known(options, _MODEL_OPTIONS, "a model of an onnx source")
        if not _named(product.physical[0]):
            raise ValueError(_NAME)
        digest = text(options, "sha256")
        if digest is not None and not _SHA256.fullmatch(digest):
            raise ValueError("option 'sha256' is a digest of 64 hexadecimal digits")
        fits(product)

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

    def places(self) -> list[Places]:
        return [self._threads.places()]

    async def close(self) -> None:
        await self._threads.close()
        self._files.clear()
        self._fitted.clear()

    def _model(self, product: Product) -> tuple[InferenceSession, Signature]:
        """The session of a model and what the catalog makes of its signature. Raises Unfit, or the runtime's errors."""
        name, options = product.physical[0], signature(product).options
        try:
            known(options, _MODEL_OPTIONS, "a model of an onnx source")
        except ValueError as error:
            raise Unfit(str(error).replace("'", "")) from None  # the log takes out what stands in quotes
        if not _named(name):
            raise Unfit(_NAME)
        with self._loading:
            session = self._session(name, options.get("sha256"))
            fitted = self._fitted.get(product.id)
            if fitted is None or fitted[0] is not product or fitted[1] is not session:
                fitted = (product, session, Signature.of(product, session))
                self._fitted[product.id] = fitted
        return session, fitted[2]

    def _session(self, name: str, declared: object) -> InferenceSession:
        path = self._folder / f"{name}.onnx"
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
    if declared is not None and str(declared).lower() != digest:
        raise Unfit(f"model {name}: the file is not the one whose sha256 the catalog declares")


def _named(name: str) -> bool:
    """Whether it is the name of a file in the folder, and of none elsewhere."""
    return not name.startswith(".") and Path(name).name == name and "\\" not in name and "\0" not in name
