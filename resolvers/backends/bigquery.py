"""BigQuery: every statement is a job, bounded in time and in bytes, in the source's location.

1. Make the client when it is first needed, in a thread: it looks for credentials, and takes a second to import.
2. Begin the job under a name of ours, with its parameters, its limits and who asked; wait for its pages, and read them.
3. At the deadline, or when the caller goes away, cancel the job. Should the gateway be gone, the job's own time is over
   at the deadline, too.

Does not promise: that the account cannot write. Give it roles/bigquery.dataViewer and roles/bigquery.jobUser.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from resolvers.backends.asked import ASKED
from resolvers.backends.backend import Bounds, Deadline, TableInfo
from resolvers.backends.bigquery_arrow import PAGE, Batches, BigQueryStream, Pages
from resolvers.backends.bigquery_describe import table_info
from resolvers.backends.bigquery_dialect import BigQueryDialect
from resolvers.backends.bigquery_failures import refusal
from resolvers.backends.bigquery_jobs import Asking, Begun, Jobs, again, api
from resolvers.backends.bigquery_parameters import parameters
from resolvers.backends.bigquery_rows import Rows
from resolvers.backends.bigquery_settings import Settings
from resolvers.backends.bigquery_storage import Sessions
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.places import Places
from resolvers.backends.reading import Reader, Row
from resolvers.backends.stream import ArrowStream
from resolvers.backends.threads import Job, Threads
from schema.catalog import Source
from schema.errors import Refusal

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

T = TypeVar("T")
_ROWS = 10_000
"""Most rows of a page, and of an answer that comes by REST where the Storage Read API could be asked; the service sends
fewer where they are large."""
_LABEL = re.compile(r"[^a-z0-9_-]")


class BigQuery:
    """Options: ``credentials`` (Google's default ones), ``maximum_bytes_billed`` (10 GiB), ``storage_api`` (true,
    but not before an emulator), ``workers`` (10: statements at once)."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.name = source.name
        self.dialect: Dialect = BigQueryDialect()
        self._settings = settings
        self._pool = Threads(source.name, settings.workers)
        self._streams: WeakSet[BigQueryStream] = WeakSet()
        self._making = threading.Lock()
        self._made: Client | None = None
        self._sessions = Sessions(source.name, settings) if settings.storage_api else None

    async def fetch(
        self, statement: Statement, values: Sequence[object], deadline: Deadline, bounds: Bounds
    ) -> list[Row]:
        asking = _asking(statement, values)

        def read(begun: Begun, job: Job) -> list[Row]:
            reader = Reader(statement, bounds)
            page = begun.page(None, min(_ROWS, bounds.rows + 1))
            rows = Rows(page.get("schema", {}))
            while True:
                reader.add(rows.of(page))
                token = page.get("pageToken")
                if token is None:
                    return reader.rows
                page = begun.page(token, min(_ROWS, bounds.rows + 1 - len(reader.rows)))

        return await self._run(lambda job: self._job(asking, deadline, job, read), deadline)

    async def stream(self, statement: Statement, values: Sequence[object], deadline: Deadline) -> ArrowStream:
        """The rows as they are sent, in Arrow (`bigquery_arrow`); returns once their columns are known."""
        asking = _asking(statement, values)

        def first(begun: Begun, job: Job) -> Batches:
            sessions = self._sessions
            if sessions is None:
                return Pages(begun, begun.page(None, PAGE))
            page = begun.page(None, _ROWS)
            if page.get("pageToken") is None:
                return Pages(begun, page)
            # From the first row on: what has no order of its own may come in another one than by pages.
            fields, credentials = page["schema"]["fields"], self._client()._credentials
            return sessions.rows(begun, fields, credentials, deadline, job) or Pages(begun, page)

        batches = await self._run(lambda job: self._job(asking, deadline, job, first), deadline)
        stream = BigQueryStream(batches, lambda read: self._run(read, deadline))
        self._streams.add(stream)
        return stream

    async def estimate(self, statement: Statement, values: Sequence[object], deadline: Deadline | None = None) -> int:
        """The bytes that the statement would read, as BigQuery estimates them before it runs. An estimate over filtered
        or masked rows tells about them: for operators and budgets, never for a caller."""
        asking, until = _asking(statement, values), deadline or Deadline.after(10)
        return await self._run(lambda job: self._jobs().estimate(asking, until, job), until)

    async def describe(self) -> list[TableInfo]:
        deadline = Deadline.after(60)
        of = self._settings
        tables: list[str] = []
        path = f"/projects/{of.project}/datasets/{of.dataset}/tables"

        def ask(job: Job, rest: str, query: Mapping[str, object] | None = None) -> Mapping[str, Any]:
            return again(lambda: api(self._client(), "GET", path + rest, deadline, query=query), deadline, job)

        def work(job: Job) -> list[TableInfo]:
            query: dict[str, object] = {}
            while True:
                page = ask(job, "", query)
                tables.extend(one["tableReference"]["tableId"] for one in page.get("tables", ()))
                if page.get("nextPageToken") is None:
                    return [table_info(ask(job, f"/{name}")) for name in tables]
                query = {"pageToken": page["nextPageToken"]}

        return await self._run(work, deadline)

    async def check(self) -> None:
        """By a dry run, which needs the credentials and the right to run jobs, and costs nothing."""
        if self._pool.places().full:
            return
        deadline = Deadline.after(5)
        asking = Asking("SELECT 1", [], {})
        await self._run(lambda job: self._jobs().estimate(asking, deadline, job), deadline, checking=True)

    def places(self) -> list[Places]:
        return [self._pool.places()]

    async def close(self) -> None:
        for stream in list(self._streams):
            await stream.aclose()
        await self._pool.close()
        if self._sessions is not None:
            self._sessions.close()
        with self._making:
            if self._made is not None:
                self._made.close()  # type: ignore[no-untyped-call]
                self._made = None

    def _job(self, asking: Asking, deadline: Deadline, job: Job, read: Callable[[Begun, Job], T]) -> T:
        begun = self._jobs().begin(asking, deadline, job)
        try:
            return read(begun, job)
        except Exception as error:
            begun.leave(error)
            raise

    async def _run(self, work: Callable[[Job], T], deadline: Deadline, checking: bool = False) -> T:
        try:
            return await self._pool.run(work, deadline)
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001 - the client raises from four trees, with texts that may hold a cell
            raise refusal(self.name, error, deadline, checking) from None

    def _jobs(self) -> Jobs:
        return Jobs(self._client(), self._settings)

    def _client(self) -> Client:
        with self._making:
            if self._made is None:
                self._made = opened_client(self._settings)
            return self._made


def opened_client(settings: Settings) -> Client:
    """Looks for credentials, and asks BigQuery nothing."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    credentials, options = None, None
    if settings.endpoint is not None:
        credentials, options = AnonymousCredentials(), {"api_endpoint": settings.endpoint}  # type: ignore[no-untyped-call]
    elif settings.credentials is not None:
        from google.oauth2.service_account import Credentials

        credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            settings.credentials, scopes=["https://www.googleapis.com/auth/bigquery"]
        )
    return Client(project=settings.project, credentials=credentials, client_options=options, location=settings.location)


def _asking(statement: Statement, values: Sequence[object]) -> Asking:
    asked = ASKED.get()
    labels = {"customhouse_request": asked.request_id, "customhouse_subject": asked.subject}
    return Asking(
        statement.text,
        parameters(statement, values),
        {name: _LABEL.sub("_", value.lower())[:63] for name, value in labels.items() if value},
    )
