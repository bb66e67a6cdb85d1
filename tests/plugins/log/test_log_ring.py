"""The ring against a plain list: whatever is appended, taken, written and given up, in any order."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tulou_log import ring as rings

CAPACITY = 512
STEPS = st.lists(
    st.one_of(
        st.integers(0, 700).map(lambda size: ("append", size)),
        st.sampled_from([
            ("take", 100), ("take", 10_000), ("written", 0), ("failed", 0), ("reopen", 0), ("look", 0)]),
    ), max_size=60)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_it_keeps_the_newest_in_order_and_counts_the_rest(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ring"
        ring = rings.in_file(path, CAPACITY)
        number = 0
        taken: tuple[list[tuple[int, bytes]], int] | None = None
        for step, size in steps:
            if step == "append":
                number += 1
                ring.append(bytes([number % 251]) * size, number)
                if size > CAPACITY - 16:
                    number -= 1  # too large for any place
            elif step == "take":
                taken = ring.take(size)
            elif step == "written" and taken is not None:
                ring.written(taken[1])
                taken = None
            elif step == "failed":
                ring.not_written()
                taken = None
            elif step == "reopen":
                ring.not_written()
                taken = None
                ring.close()
                ring = rings.in_file(path, CAPACITY)
                assert not ring.recover()[1]
            elif step == "look":
                assert [each for each, _ in rings.look(path)] == [each for each, _ in ring.recover()[0]]
            there = ring.recover()[0]
            numbers = [each for each, _ in there]
            assert numbers == list(range(number - len(numbers) + 1, number + 1))
            assert all(set(payload) <= {each % 251} for each, payload in there)
            assert ring.number == number
        ring.close()


def test_what_is_given_up_is_counted_once(tmp_path: Path) -> None:
    ring = rings.in_file(tmp_path / "ring", CAPACITY)
    for number in range(1, 101):
        ring.append(b"x" * 40, number)
    kept = len(ring.recover()[0])
    assert ring.lost == 100 - kept
    taken, behind = ring.take()
    for number in range(101, 104):
        ring.append(b"x" * 40, number)
    assert ring.lost == 100 - kept, "they are being written, so they may not be lost"
    ring.not_written()
    assert ring.lost == 103 - kept
    ring.close()
    assert rings.in_file(tmp_path / "ring", CAPACITY).lost == 103 - kept


def test_a_record_larger_than_the_ring_is_counted(tmp_path: Path) -> None:
    ring = rings.in_file(tmp_path / "ring", CAPACITY)
    ring.append(b"x" * 10_000, 1)
    assert ring.lost == 1 and ring.recover() == ([], False)


def test_sealed_records_are_wiped(tmp_path: Path) -> None:
    ring = rings.in_file(tmp_path / "ring", CAPACITY)
    for number in range(1, 6):
        ring.append(b"readable" * 3, number)
    start = ring.tail
    _, behind = ring.take()
    ring.written(behind)
    ring.wipe(start, behind)
    assert b"readable" not in (tmp_path / "ring").read_bytes()
    ring.close()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot say beforehand")
def test_a_disk_without_room_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rings.os, "posix_fallocate", full)
    with pytest.raises(OSError):
        rings.in_file(tmp_path / "ring", CAPACITY)
    assert (tmp_path / "ring").stat().st_size == 0
