"""A stand-in for DynamoDB that answers BatchGetItem with five features for each key, as fast as Python can: each answer
is made once. It checks no signature. ``python -m benchmarks.keyed_stand PORT``."""

from __future__ import annotations

import asyncio
import json
import re
import sys

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    answers: dict[bytes, bytes] = {}  # noqa: RUF012 - of the whole process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._held = transport, b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, mark, body = self._held.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not mark or (length and len(body) < int(length[1])):
            return
        self._held = b""
        answer = self.answers.get(body) or self.answers.setdefault(body, _answer(body))
        self._transport.write(answer)  # type: ignore[attr-defined]


def _answer(body: bytes) -> bytes:
    asked = json.loads(body)["RequestItems"]["routes"]
    names = [name for name in asked["ExpressionAttributeNames"].values() if name.startswith("f")]
    features = {name: {"N": f"{at}.25"} for at, name in enumerate(names)}
    said = {"Responses": {"routes": [{**key, **features} for key in asked["Keys"]]}, "UnprocessedKeys": {}}
    data = json.dumps(said).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    )


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
