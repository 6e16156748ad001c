"""BigQuery: one job from its beginning to its pages, each call to the service bounded by the deadline.

A job's name is ours and known before it begins, so it can be cancelled at any moment. What the service does not answer
is asked again while there is time; beginning twice under one name is refused by the service, and so harmless.

Reading pages goes through the client's connection and not through its own waiting, which holds a call for at least two
minutes. Does not promise: that a cancelled job costs nothing.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from resolvers.backends.backend import Deadline
from resolvers.backends.bigquery_parameters import Parameter
from resolvers.backends.bigquery_settings import Settings
from resolvers.backends.threads import Job, Stopped

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

T = TypeVar("T")
Page = Mapping[str, Any]

CALL, _WAIT, GRACE = 10.0, 10.0, 2.0
"""Seconds that a call may take, that it may wait for a job besides, and that an answer may travel at the deadline."""
_FIRST, _LONGEST = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Asking:
    """A statement, its parameters, and the labels of its job."""

    text: str
    parameters: list[Parameter]
    labels: Mapping[str, str]


class Jobs:
    """Jobs of one source. Every method runs in a thread and may raise what the client raises."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings

    def begin(self, asking: Asking, deadline: Deadline, job: Job) -> Begun:
        """Begin a job, which `job` can stop from then on."""
        from google.api_core.exceptions import Conflict

        begun = Begun(self._client, self._settings, f"customhouse_{uuid.uuid4().hex}", deadline, job)
        job.running(begun.cancel)
        body = self._body(asking, {"jobTimeoutMs": str(max(1000, int(deadline.left() * 1000)))})
        body["jobReference"] = begun.reference
        with suppress(Conflict):
            again(lambda: self._insert(body, deadline), deadline, job)
        return begun

    def estimate(self, asking: Asking, deadline: Deadline, job: Job) -> int:
        """The bytes that a statement would read, by a dry run, which costs nothing."""
        body = self._body(asking, {"dryRun": True})
        if self._settings.location is not None:
            body["jobReference"] = {"projectId": self._settings.project, "location": self._settings.location}
        found = again(lambda: self._insert(body, deadline), deadline, job)
        statistics = found["statistics"]
        return int(statistics.get("totalBytesProcessed") or statistics["query"]["totalBytesProcessed"])

    def _insert(self, body: Mapping[str, object], deadline: Deadline) -> Page:
        return api(self._client, "POST", f"/projects/{self._settings.project}/jobs", deadline, data=body)

    def _body(self, asking: Asking, job: Mapping[str, object]) -> dict[str, object]:
        of = self._settings
        query = {
            "query": asking.text,
            "useLegacySql": False,
            "parameterMode": "NAMED",
            "queryParameters": asking.parameters,
            "maximumBytesBilled": str(of.maximum_bytes_billed),
            "defaultDataset": {"projectId": of.project, "datasetId": of.dataset},
        }
        return {"configuration": {"query": query, "labels": dict(asking.labels), **job}}


class Begun:
    """A job that runs, or has run."""

    def __init__(self, client: Client, settings: Settings, name: str, deadline: Deadline, job: Job) -> None:
        self._client, self._settings, self.name, self._deadline, self._job = client, settings, name, deadline, job
        self.done = self._cancelled = False
        self._lock = threading.Lock()

    @property
    def reference(self) -> dict[str, str]:
        place = {} if self._settings.location is None else {"location": self._settings.location}
        return {"projectId": self._settings.project, "jobId": self.name, **place}

    def page(self, token: str | None, most: int, job: Job | None = None) -> Page:
        """The page at a token, or the first as soon as the job is done; waits for it."""
        given = job or self._job
        while True:
            if given.stopped:
                raise Stopped
            found = again(lambda: self._ask(token, most), self._deadline, given)
            if found.get("jobComplete"):
                self.done = True
                return found
            if self._deadline.left() == 0:
                raise TimeoutError

    def _ask(self, token: str | None, most: int) -> Page:
        wait = min(_WAIT, self._deadline.left())
        query: dict[str, object] = {
            "maxResults": most,
            "timeoutMs": int(wait * 1000),
            "formatOptions.useInt64Timestamp": True,
            **self._place,
        }
        if token is not None:
            query["pageToken"] = token
        path = f"/projects/{self._settings.project}/queries/{self.name}"
        return api(self._client, "GET", path, self._deadline, wait=wait, query=query)

    def destination(self, job: Job) -> str | None:
        """The table that a job which is done has its answer in, as the Storage API names tables; None where unknown."""
        path = f"/projects/{self._settings.project}/jobs/{self.name}"
        found = again(lambda: api(self._client, "GET", path, self._deadline, query=self._place), self._deadline, job)
        table = found.get("configuration", {}).get("query", {}).get("destinationTable")
        return table and f"projects/{table['projectId']}/datasets/{table['datasetId']}/tables/{table['tableId']}"

    @property
    def _place(self) -> dict[str, object]:
        return {} if self._settings.location is None else {"location": self._settings.location}

    def cancel(self) -> None:
        """Cancel the job, once; again where that could not be said."""
        with self._lock:
            if self.done or self._cancelled:
                return
            self._cancelled = True
        path = f"/projects/{self._settings.project}/jobs/{self.name}/cancel"
        try:
            api(self._client, "POST", path, Deadline.after(CALL), query=self._place)
        except BaseException:
            self._cancelled = False
            raise

    def leave(self, error: Exception) -> None:
        """Cancel the job where the error is not the job's own end."""
        if isinstance(error, Stopped | TimeoutError) or passing(error):
            with suppress(Exception):
                self.cancel()


def api(
    client: Client,
    method: str,
    path: str,
    deadline: Deadline,
    *,
    wait: float = 0.0,
    query: Mapping[str, object] | None = None,
    data: Mapping[str, object] | None = None,
) -> Page:
    """One call of the REST API, over when the deadline is, with a moment for the answer to travel."""
    timeout = min(CALL + wait, deadline.left() + GRACE)
    connection = client._connection  # the client's one way to the service; it has no other that takes a time
    found: Page = connection.api_request(  # type: ignore[no-untyped-call]
        method=method, path=path, query_params=query, data=data, timeout=timeout
    )
    return found


def again(call: Callable[[], T], deadline: Deadline, job: Job) -> T:
    """The call's answer; what is down for a moment is asked again, ever more slowly, until the deadline."""
    pause = _FIRST
    while True:
        try:
            return call()
        except Exception as error:
            if job.stopped or not passing(error) or deadline.left() <= pause:
                raise
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST)


def passing(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later."""
    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import TransportError

    if isinstance(error, exceptions.GoogleAPICallError):
        busy = {"rateLimitExceeded", "backendError", "internalError"}
        return isinstance(error, exceptions.ServerError | exceptions.TooManyRequests) or reason(error) in busy
    return isinstance(error, requests.ConnectionError | requests.Timeout | TransportError)


def reason(error: BaseException) -> str:
    """The service's word for an error, such as invalidQuery; never its sentence, which may hold a cell."""
    errors = getattr(error, "errors", None)
    first = errors[0] if isinstance(errors, list) and errors else {}
    found = first.get("reason") if isinstance(first, Mapping) else None
    return found if isinstance(found, str) and found.isalnum() else ""
