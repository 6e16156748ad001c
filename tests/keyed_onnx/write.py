"""Writes tiny ONNX models: as much of its protocol buffer (onnx.proto, IR version 8) as the tests need, and no more.

So the tests need no package that writes models, and a model stands beside the test that it is for.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

FLOAT, INT8, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE = 1, 3, 6, 7, 8, 9, 10, 11
Dim = int | str
Attribute = int | float | str | Sequence[int] | Sequence[float] | Sequence[str]


def model(nodes: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes], *constants: bytes) -> bytes:
    """A whole file."""
    graph = b"".join((
        *(_bytes(1, node) for node in nodes), _text(2, "test"), *(_bytes(5, constant) for constant in constants),
        *(_bytes(11, put) for put in inputs), *(_bytes(12, put) for put in outputs),
    ))  # fmt: skip
    opsets = [_text(1, "") + _whole(2, 17), _text(1, "ai.onnx.ml") + _whole(2, 3)]
    return _whole(1, 8) + _bytes(7, graph) + b"".join(_bytes(8, opset) for opset in opsets)


def node(operator: str, inputs: str, outputs: str, domain: str = "", **attributes: Attribute) -> bytes:
    """``inputs`` and ``outputs`` are names with spaces between."""
    names = [_text(1, name) for name in inputs.split()] + [_text(2, name) for name in outputs.split()]
    set_ = [_bytes(5, _attribute(name, value)) for name, value in attributes.items()]
    return b"".join([*names, _text(4, operator), *set_, *([_text(7, domain)] if domain else [])])


def put(name: str, element: int, *shape: Dim) -> bytes:
    """An input or output of the graph; a size that is a word is free."""
    sizes = b"".join(_bytes(1, _whole(1, size) if isinstance(size, int) else _text(2, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _whole(1, element) + _bytes(2, sizes)))


def maps(name: str) -> bytes:
    """An output that is a list of maps from a word to a float, as ZipMap makes them."""
    floats = _bytes(1, _whole(1, FLOAT))
    return _text(1, name) + _bytes(2, _bytes(4, _bytes(1, _bytes(5, _whole(1, STRING) + _bytes(2, floats)))))


def floats(name: str, shape: Sequence[int], values: Sequence[float]) -> bytes:
    """A constant."""
    return _tensor(name, FLOAT, shape) + _bytes(4, struct.pack(f"<{len(values)}f", *values))


def wholes(name: str, values: Sequence[int]) -> bytes:
    return _tensor(name, INT64, [len(values)]) + b"".join(_whole(7, value) for value in values)


def beside(name: str, shape: Sequence[int], file: str) -> bytes:
    """A constant whose values stand in another file."""
    return _tensor(name, FLOAT, shape) + _bytes(13, _text(1, "location") + _text(2, file)) + _whole(14, 1)


def _tensor(name: str, element: int, shape: Sequence[int]) -> bytes:
    return b"".join(_whole(1, size) for size in shape) + _whole(2, element) + _text(8, name)


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _whole(20, 3)
    if isinstance(value, int):
        return _text(1, name) + _whole(3, value) + _whole(20, 2)
    if isinstance(value, float):
        return _text(1, name) + _float(2, value) + _whole(20, 1)
    write, kind = _KINDS[type(value[0])]
    return _text(1, name) + b"".join(write(value) for value in value) + _whole(20, kind)


_KINDS: Mapping[type, tuple[object, int]] = {
    str: (lambda value: _text(9, value), 8),
    int: (lambda value: _whole(8, value), 7),
    float: (lambda value: _float(7, value), 6),
}


def _varint(number: int) -> bytes:
    number &= 2**64 - 1
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def _whole(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
