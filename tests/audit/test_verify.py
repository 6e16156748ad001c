"""Tampering: whatever is done to a trail afterwards is found, with its place. And what is whole is said to be whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from app.audit.chain import Chain, canonical
from app.audit.verify import verify
from app.cli import main
from tests.audit.lines import trail
from tests.audit.ocsf import check

Tamper = Callable[[list[bytes]], list[bytes]]


def changed(line: bytes, rehashed: bool = False) -> bytes:
    """The same record with other rows; ``rehashed`` by somebody who knows how lines are made."""
    record = orjson.loads(line)
    record["unmapped"]["rows"] = 0
    if rehashed:
        import hashlib

        del record["unmapped"]["chain"]["hash"]
        record["unmapped"]["chain"]["hash"] = hashlib.sha256(canonical(record)).hexdigest()
    return canonical(record) + b"\n"


CASES: dict[str, tuple[Tamper, str]] = {
    "changed": (lambda lines: [*lines[:4], changed(lines[4]), *lines[5:]], ":5 was changed"),
    "changed and hashed anew": (
        lambda lines: [*lines[:4], changed(lines[4], rehashed=True), *lines[5:]],
        ":6 does not follow",
    ),
    "one byte": (lambda lines: [*lines[:2], lines[2].replace(b"Success", b"Failure", 1), *lines[3:]], ":3 was changed"),
    "removed": (lambda lines: [*lines[:3], *lines[4:]], "records 4 to 4 of chain file-0-test are missing"),
    "several removed": (lambda lines: [*lines[:3], *lines[7:]], "records 4 to 7"),
    "the first removed": (lambda lines: lines[2:], "records 1 to 2"),
    "reordered": (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], ":5 was moved"),
    "the tail cut off": (lambda lines: lines[:6], "ends with record 6, and had 11: the rest was cut off"),
    "half a line cut off": (lambda lines: [*lines[:10], lines[10][:-40]], ":11 is no record of a chain"),
    "all of it": (lambda lines: [], "of 11 records is not in the files"),
    "one put in": (lambda lines: [*lines[:3], b'{"class_uid":6005}\n', *lines[3:]], ":4 is no record of a chain"),
    "another in its place": (
        lambda lines: [*lines, changed(lines[5], rehashed=True)],
        ":12 takes the place of record 6",
    ),
    "another end": (lambda lines: [*lines[:10], changed(lines[10], rehashed=True)], "is not the record that"),
}


@pytest.mark.parametrize("case", CASES)
def test_tampering_is_found(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.jsonl"
    lines = trail(path, 10)
    end = orjson.loads(lines[-1])["unmapped"]["chain"]
    (tmp_path / "audit.jsonl.heads").write_bytes(
        orjson.dumps({"chain": end["id"], "seq": end["seq"], "hash": end["hash"]}) + b"\n"
    )
    assert main(["audit", "verify", str(path)]) == 0
    assert "ok: 11 records in 1 chains" in capsys.readouterr().out
    tamper, sentence = CASES[case]
    path.write_bytes(b"".join(tamper(lines)))
    assert main(["audit", "verify", str(path)]) == 1
    said = capsys.readouterr().err
    assert sentence in said and "CH342" in said


def test_lines_are_canonical_and_follow_each_other(tmp_path: Path) -> None:
    """What a collector reads and writes again, with other spaces and orders, can still be proven."""
    path = tmp_path / "a.jsonl"
    lines = trail(path, 3)
    for line in lines:
        assert canonical(orjson.loads(line)) + b"\n" == line
        check(line)
    again = [orjson.dumps(dict(reversed(orjson.loads(line).items()))) + b"\n" for line in lines]
    path.write_bytes(b"".join(again))
    assert verify([path]).breaks == []


def test_a_chain_over_several_files_in_any_order(tmp_path: Path) -> None:
    lines = trail(tmp_path / "whole.jsonl", 9)
    first, second = tmp_path / "b.jsonl", tmp_path / "a.jsonl"
    first.write_bytes(b"".join(lines[:4]))
    second.write_bytes(b"".join(lines[4:]))
    assert verify([second, first]).breaks == []
    assert "records 1 to 4" in verify([second]).breaks[0]
    assert verify([second], partial=True).breaks == []
    assert verify([first]).said() == ["file-0-test: 4 records, 1 to 4, open"]


def test_several_chains_in_one_file_and_lines_that_came_twice(tmp_path: Path) -> None:
    one, other = trail(tmp_path / "1", 3), trail(tmp_path / "2", 3, Chain("file-1-test"))
    path = tmp_path / "both"
    path.write_bytes(b"".join(line for pair in zip(one, other, strict=True) for line in (*pair, pair[0])))
    found = verify([path])
    assert found.breaks == [] and len(found.chains) == 2


def test_heads_that_were_kept_in_a_log(tmp_path: Path) -> None:
    """The log of the gateway says heads too: a trail whose file of heads was cut as well does not pass."""
    path, log = tmp_path / "audit.jsonl", tmp_path / "log"
    lines = trail(path, 5)
    chain = orjson.loads(lines[4])["unmapped"]["chain"]
    said = {"event": "audit_head", "chain": chain["id"], "seq": chain["seq"], "hash": chain["hash"]}
    log.write_bytes(b'{"event":"serving"}\nno JSON\n' + orjson.dumps(said) + b"\n")
    path.write_bytes(b"".join(lines[:2]))
    assert verify([path]).breaks == []
    assert "cut off" in verify([path], [log]).breaks[0]


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", str(tmp_path / "none")]) == 2
    assert "Cannot read" in capsys.readouterr().err
