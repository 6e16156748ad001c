"""Marks: what stands for a caller where nobody is to be named. They tell two callers apart, and cannot be computed from
a list of names without the zone's key."""

from __future__ import annotations

import functools
import hashlib

import orjson


@functools.lru_cache(maxsize=20_000)
def mark(digest: str, key: bytes) -> str:
    """A caller's mark in the request log, and that of its papers in the audit trail."""
    return hashlib.blake2b(digest.encode("ascii"), key=key, digest_size=8).hexdigest()


@functools.lru_cache(maxsize=20_000)
def subject_mark(issuer: str, subject: str, key: bytes) -> str:
    """A subject's mark in the audit trail: the same for all of its tokens."""
    text = orjson.dumps([issuer, subject])
    return hashlib.blake2b(text, key=key, digest_size=16, person=b"audit-subject").hexdigest()
