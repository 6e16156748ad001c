"""Compress: an answer's bytes as an HTTP content coding, flushed where a reader should see what was written so far.

Does not promise the smallest size: levels are low, so that a core keeps up with a network.
"""

from __future__ import annotations

import zlib
from typing import Literal, Protocol

import pyarrow as pa

from resolvers.formats.sink import Sink
from resolvers.formats.writer import Bytes

Compression = Literal["identity", "gzip", "zstd"]
_GZIP, _GZIP_LEVEL = 31, 2


class Compressor(Protocol):
    def add(self, data: Bytes) -> Bytes: ...

    def flush(self) -> Bytes:
        """What is still held, so that all that was added can be read."""

    def end(self) -> Bytes: ...


def compressor(compression: Compression) -> Compressor:
    match compression:
        case "identity":
            return _Identity()
        case "gzip":
            return _Gzip()
        case "zstd":
            return _Zstd()


class _Identity:
    def add(self, data: Bytes) -> Bytes:
        return data

    def flush(self) -> Bytes:
        return b""

    def end(self) -> Bytes:
        return b""


class _Gzip:
    def __init__(self) -> None:
        self._zlib = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)

    def add(self, data: Bytes) -> Bytes:
        return self._zlib.compress(data)

    def flush(self) -> Bytes:
        return self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> Bytes:
        return self._zlib.flush(zlib.Z_FINISH)


class _Zstd:
    def __init__(self) -> None:
        self._sink = Sink()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._sink, mode="w"), "zstd")

    def add(self, data: Bytes) -> Bytes:
        self._stream.write(data)
        return self._sink.taken()

    def flush(self) -> Bytes:
        self._stream.flush()
        return self._sink.taken()

    def end(self) -> Bytes:
        self._stream.close()
        return self._sink.taken()
