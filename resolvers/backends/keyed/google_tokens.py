"""Access tokens of Google's default credentials: a service account's file, a workload's identity, or a person's login.

google-auth is synchronous, so it looks for credentials and renews them in a thread of its own; calls that need a token
meanwhile wait for the same one. A token is renewed before it expires, as google-auth sees it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Protocol

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import down, timed_out
from resolvers.backends.keyed.json_bodies import Unread
from resolvers.backends.threads import Job, Threads

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_RENEWAL = 10  # seconds; google-auth's own bound is two minutes, for which every other call would wait


class Credentials(Protocol):
    """What we use of google-auth's."""

    token: str | None

    @property
    def valid(self) -> bool: ...
    def refresh(self, request: object) -> None: ...


class GoogleTokens:
    """Tokens for one source. Looks for credentials when first asked."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._threads = Threads(f"{source}-google", 1)
        self._lock = asyncio.Lock()
        self._credentials: Credentials | None = None

    async def token(self, deadline: Deadline) -> str:
        """A token that is valid now. Raises `Refusal` CH501 where there is none to have, CH503 at the deadline."""
        try:
            async with asyncio.timeout(deadline.left()), self._lock:
                found = self._credentials
                if found is None or not found.valid or found.token is None:
                    found = self._credentials = await self._threads.run(self._renew, deadline)
        except TimeoutError:
            raise timed_out(self._source) from None
        except Exception as error:  # noqa: BLE001 - google-auth and requests raise from several trees, with texts of theirs
            raise down(self._source, Unread(f"no token from Google: {type(error).__name__}")) from None
        return found.token or ""

    async def close(self) -> None:
        await self._threads.close()

    def _renew(self, _job: Job) -> Credentials:
        import google.auth
        from google.auth.transport.requests import Request

        found = self._credentials
        if found is None:
            found, _ = google.auth.default(scopes=[SCOPE])
        found.refresh(partial(Request(), timeout=_RENEWAL))
        return found
