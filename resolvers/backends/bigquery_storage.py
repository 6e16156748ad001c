"""BigQuery: a large answer through the Storage Read API, in Arrow as the service made it.

1. A job's answer lies in a table of its own. Open a read session on it, with one stream, which keeps the job's order.
2. Read the stream's messages; what breaks is taken up again behind the last row, until the deadline.
3. Give every column the type that the REST API's schema says (`bigquery_arrow`): how large an answer is must not change
   its types. What the two ways write differently (BIGNUMERIC, INTERVAL, RANGE) is left to REST.
4. A reader that leaves ends the call at once. The session is not ours to end: the service forgets it.

Does not promise: that the account may open sessions (roles/bigquery.readSessionUser). Where it may not, REST is used,
and the log says so, once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from resolvers.backends.backend import Deadline
from resolvers.backends.bigquery_arrow import BATCH, Field, arrow_type
from resolvers.backends.bigquery_jobs import CALL, GRACE, Begun, again
from resolvers.backends.bigquery_settings import Settings
from resolvers.backends.threads import Job, Stopped

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient

_LOG = logging.getLogger("customhouse.source")
_UNLIKE = frozenset({"BIGNUMERIC", "INTERVAL", "RANGE"})
_UNBOUNDED = [("grpc.max_receive_message_length", -1)]


class Sessions:
    """The read sessions of one source. Every method but `close` runs in a thread and may raise what the client does."""

    def __init__(self, source: str, settings: Settings) -> None:
        self._source, self._settings = source, settings
        self._making = threading.Lock()
        self._made: BigQueryReadClient | None = None
        self._told = False

    def rows(
        self, begun: Begun, fields: Sequence[Field], credentials: Credentials, deadline: Deadline, job: Job
    ) -> StorageRows | None:
        """The rows of a job that is done, from the first on; None where they have to come by REST."""
        from google.api_core.exceptions import Forbidden

        client = None if any(_unlike(field) for field in fields) else self._client(credentials)
        table = None if client is None else begun.destination(job)
        if client is None or table is None:
            return None
        try:
            session = again(lambda: self._session(client, table, deadline), deadline, job)
        except Forbidden:
            self._tell()
            return None
        return StorageRows(client, session, fields, deadline)

    def _session(self, client: BigQueryReadClient, table: str, deadline: Deadline) -> Any:
        from google.cloud.bigquery_storage_v1 import types

        return client.create_read_session(
            parent=f"projects/{self._settings.project}",
            read_session=types.ReadSession(table=table, data_format=types.DataFormat.ARROW),
            max_stream_count=1,
            retry=None,
            timeout=min(CALL, deadline.left() + GRACE),
        )

    def _client(self, credentials: Credentials) -> BigQueryReadClient | None:
        """None where its package is not installed."""
        try:
            from google.cloud.bigquery_storage_v1 import BigQueryReadClient
        except ImportError:
            return None
        with self._making:
            if self._made is None:
                at = self._settings.storage_endpoint
                self._made = (
                    BigQueryReadClient(credentials=credentials)  # type: ignore[no-untyped-call]
                    if at is None
                    else _emulated(at)
                )
            return self._made

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            _LOG.warning(
                "source %s: the account may open no read sessions (roles/bigquery.readSessionUser); REST is used",
                self._source,
            )

    def close(self) -> None:
        with self._making:
            if self._made is not None:
                self._made.transport.close()  # type: ignore[no-untyped-call]
                self._made = None


class StorageRows:
    """The rows of one session, as `bigquery_arrow.Pages` gives them. Read by one thread at a time."""

    def __init__(self, client: BigQueryReadClient, session: Any, fields: Sequence[Field], deadline: Deadline) -> None:
        self.schema = pa.schema([pa.field(field["name"], arrow_type(field)) for field in fields])
        self._sent = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        if self._sent.names != self.schema.names:
            raise ValueError("the session has other columns than the job")
        self._client, self._streams, self._deadline = client, [stream.name for stream in session.streams], deadline
        self._call: Any = None
        self._offset = self._at = 0
        self._held: pa.RecordBatch | None = None
        self._ended = False

    def next(self, job: Job) -> pa.RecordBatch | None:
        """The next batch that has rows; None at the end."""
        job.running(self.close)
        while self._held is None or self._at >= self._held.num_rows:
            if self._ended:
                raise Stopped
            message = again(self._message, self._deadline, job) if self._streams else None
            if message is None:
                return None
            self._held, self._at = self._batch(message), 0
        part = self._held.slice(self._at, BATCH)
        self._at += part.num_rows
        return part

    def close(self) -> None:
        """End the call, from any thread."""
        self._ended = True
        call = self._call
        if call is not None:
            call.cancel()

    def _message(self) -> Any:
        """The next message, by a new call where there is none; None at the end."""
        import grpc
        from google.api_core.exceptions import from_grpc_error

        try:
            if self._call is None:
                self._call = self._begun()
                if self._ended:  # it was closed meanwhile, and may not have seen this call
                    self._call.cancel()
            message = next(self._call, None)
        except grpc.RpcError as error:
            self._call = None
            raise from_grpc_error(error) from None  # type: ignore[no-untyped-call]
        if message is not None:
            self._offset += message.row_count
        return message

    def _begun(self) -> Iterator[Any]:
        """By the transport itself: the client's own method waits for the first message, where nothing can end it."""
        from google.api_core.gapic_v1.routing_header import to_grpc_metadata
        from google.cloud.bigquery_storage_v1 import types

        (stream,) = self._streams
        begin: Any = self._client.transport.read_rows
        route = to_grpc_metadata([("read_stream", stream)])  # type: ignore[no-untyped-call]
        request = types.ReadRowsRequest(read_stream=stream, offset=self._offset)
        found: Iterator[Any] = begin(request, timeout=self._deadline.left() + GRACE, metadata=[route])
        return found

    def _batch(self, message: Any) -> pa.RecordBatch:
        sent = pa.ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch.serialized_record_batch), self._sent)
        columns = [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(sent.columns, self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _emulated(address: str) -> BigQueryReadClient:
    """Without credentials, on loopback."""
    import grpc
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    transport = BigQueryReadGrpcTransport(channel=grpc.insecure_channel(address, _UNBOUNDED))
    return BigQueryReadClient(transport=transport)  # type: ignore[no-untyped-call]


def _unlike(field: Mapping[str, Any]) -> bool:
    return field["type"] in _UNLIKE or any(_unlike(inner) for inner in field.get("fields", ()))
