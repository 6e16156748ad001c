"""Files of a trail: for their owner alone, put aside by size and at midnight, shared by processes."""

from __future__ import annotations

import stat
from pathlib import Path

import orjson
import pytest

from app.audit.chain import Chain
from app.audit.file import File, worker_path
from app.audit.sink import Head, SinkError
from app.audit.verify import verify
from tests.audit.lines import trail

DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def lines_of(folder: Path, count: int, chain: Chain) -> list[bytes]:
    return trail(folder / "scratch", count, chain, ended=False)


def head_of(chain: Chain) -> Head:
    return Head(chain.id, chain.seq, chain.hash)


def test_put_aside_by_size(tmp_path: Path) -> None:
    path, chain, said = tmp_path / "audit.jsonl", Chain("c"), list[Head]()
    file = File(path, 6000, "always", said.append, Clock())
    for _ in range(8):
        file.write(lines_of(tmp_path, 2, chain))
        file.pause(head_of(chain), idle=False)
    file.close(head_of(chain))
    (tmp_path / "scratch").unlink()
    files = sorted(tmp_path.glob("audit*.jsonl"))
    assert len(files) > 2
    assert all(found.stat().st_size <= 6000 for found in files)
    assert {stat.S_IMODE(found.stat().st_mode) for found in tmp_path.iterdir()} == {0o600}
    assert verify(files).breaks == []
    assert len(said) == len(files), "a head at each change of files, and at the end"
    assert said[-1] == head_of(chain)
    written = [orjson.loads(line) for line in (tmp_path / "audit.jsonl.heads").read_bytes().splitlines()]
    assert [(one["seq"], one["hash"]) for one in written] == [(head.seq, head.hash) for head in said]


def test_put_aside_at_midnight(tmp_path: Path) -> None:
    path, chain, clock = tmp_path / "audit.jsonl", Chain("c"), Clock()
    file = File(path, 1 << 30, "never", lambda head: None, clock)
    file.write(lines_of(tmp_path, 1, chain))
    clock.now += 60
    file.write(lines_of(tmp_path, 1, chain))
    assert len(list(tmp_path.glob("audit.*.jsonl"))) == 0
    clock.now += DAY
    file.write(lines_of(tmp_path, 1, chain))
    file.close(head_of(chain))
    assert len(list(tmp_path.glob("audit.*.jsonl"))) == 1
    assert len(path.read_bytes().splitlines()) == 1


def test_a_line_that_a_dead_process_left_half_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"half":')
    chain = Chain("c")
    file = File(path, 1 << 30, "second", lambda head: None)
    file.write(lines_of(tmp_path, 2, chain))
    file.close(head_of(chain))
    found = verify([path])
    assert [said.partition(" ")[2] for said in found.breaks] == ["is no record of a chain: cut off, or changed."]
    assert found.records == 2


def test_two_processes_may_overlap_in_one_file(tmp_path: Path) -> None:
    """As in a rolling restart: each puts the file aside as if it were alone, and nothing is lost."""
    path, one, other, clock = tmp_path / "audit.jsonl", Chain("one"), Chain("other"), Clock()
    before, after = (File(path, 4500, "never", lambda head: None, clock) for _ in range(2))
    for _ in range(6):
        before.write(lines_of(tmp_path, 1, one))
        after.write(lines_of(tmp_path, 1, other))
    before.close(head_of(one))
    after.close(head_of(other))
    found = verify(sorted(tmp_path.glob("audit*.jsonl")))
    assert found.breaks == [] and found.records == 12


def test_a_full_disk_is_an_error_that_names_no_line(tmp_path: Path) -> None:
    file = File(Path("/dev/full"), 1 << 30, "never", lambda head: None)
    with pytest.raises(SinkError, match=r"^OSError 28$"):
        file.write([b'{"secret": 1}\n'])


def test_workers_have_files_of_their_own() -> None:
    assert worker_path(Path("/x/audit.jsonl"), None) == Path("/x/audit.jsonl")
    assert worker_path(Path("/x/audit.jsonl"), 3) == Path("/x/audit.3.jsonl")
