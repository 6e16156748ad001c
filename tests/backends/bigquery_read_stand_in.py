"""A stand-in for BigQuery's Storage Read API: a gRPC server with the two calls that the back end makes, each recorded.

It is our reading of the API's reference, so it proves the client's side only, as `bigquery_stand_in` does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types

_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
STREAM = "projects/acme/locations/eu/sessions/one/streams/one"
SENTENCE = "Bad int64 value: CANARY-7f3a"


@dataclass
class Shelf:
    """The batches of the one stream. ``wrong`` opens no session; ``breaks`` are how many messages each call sends, and
    how it then ends; with ``stays`` a call never ends by itself."""

    batches: Sequence[pa.RecordBatch] = ()
    wrong: grpc.StatusCode | None = None
    breaks: list[tuple[int, grpc.StatusCode]] = field(default_factory=list)
    stays: bool = False
    tables: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    def session(self, request: types.CreateReadSessionRequest, context: grpc.ServicerContext) -> types.ReadSession:
        self.tables.append(request.read_session.table)
        self.counts.append(request.max_stream_count)
        if self.wrong is not None:
            context.abort(self.wrong, SENTENCE)
        schema = types.ArrowSchema(serialized_schema=self.batches[0].schema.serialize().to_pybytes())
        return types.ReadSession(streams=[types.ReadStream(name=STREAM)], arrow_schema=schema)

    def rows(self, request: types.ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[types.ReadRowsResponse]:
        self.offsets.append(request.offset)
        self.routes += [value for name, value in context.invocation_metadata() if name == "x-goog-request-params"]
        context.add_callback(self.left.set)
        count, code = self.breaks.pop(0) if self.breaks else (len(self.batches), None)
        at = sent = 0
        for batch in self.batches:
            if at >= request.offset and sent < count:
                sent += 1
                made = types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())
                yield types.ReadRowsResponse(arrow_record_batch=made, row_count=batch.num_rows)
            at += batch.num_rows
        if code is not None:
            context.abort(code, SENTENCE)
        if self.stays:
            self.left.wait(30)


@contextmanager
def shelved(shelf: Shelf) -> Iterator[str]:
    """The address of a server that answers as the shelf says."""
    handlers = {
        "CreateReadSession": grpc.unary_unary_rpc_method_handler(
            shelf.session, types.CreateReadSessionRequest.deserialize, types.ReadSession.serialize
        ),
        "ReadRows": grpc.unary_stream_rpc_method_handler(
            shelf.rows, types.ReadRowsRequest.deserialize, types.ReadRowsResponse.serialize
        ),
    }
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        shelf.left.set()
        server.stop(None).wait()
