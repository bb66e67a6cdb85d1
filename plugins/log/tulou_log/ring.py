"""A bounded ring of records in a mapped file: what is in it survives the death of the process.

The file is a page of counters and a body. A record is a head (length, checksum, number) and its bytes,
filled up to sixteen; it never runs over the body's end, a mark there says to go on at the beginning. A
record counts once the counter `HEAD` is behind it, which is set last, so a torn one is never believed;
the checksum tells damage by others. What the kernel was given survives `kill -9`; it does not survive
the loss of power. Nothing here locks: the owner does.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from zlib import crc32

MAGIC = int.from_bytes(b"TULOUR01", "little")
PAGE = 4096
RECORD = Struct("<IIQ")
GO_ON = 0xFFFFFFFF
"""As a length: nothing more until the body's end."""

_MAGIC, _CAPACITY, _HEAD, _TAIL, _NUMBER, _LOST, _CLEAN = range(7)


class Ring:
    """Records between `tail` and `head`, which only grow; their places are taken modulo `capacity`."""

    def __init__(self, memory: mmap.mmap, *, durable: bool) -> None:
        self._memory = memory
        self._counters = memoryview(memory)[:PAGE].cast("Q")
        self.durable = durable
        """Whether it is in a file; else it dies with the process."""
        self.capacity = self._counters[_CAPACITY]
        self.head = self._counters[_HEAD]
        self.tail = self._counters[_TAIL]
        self.number = self._counters[_NUMBER]
        self.in_flight = 0
        """Up to here, records are being written to a file: overwriting one may not lose it."""
        self.doubtful = 0
        self.done = self.tail
        """Up to here, records came into a file."""

    # -- counters -----------------------------------------------------------------------------

    @property
    def lost(self) -> int:
        """Records that were overwritten before they reached a file, and of which nobody was told."""
        return self._counters[_LOST]

    @lost.setter
    def lost(self, count: int) -> None:
        self._counters[_LOST] = count

    @property
    def clean(self) -> bool:
        """Whether its last owner took leave."""
        return bool(self._counters[_CLEAN])

    @clean.setter
    def clean(self, is_clean: bool) -> None:
        self._counters[_CLEAN] = is_clean

    @property
    def pending(self) -> int:
        """Bytes that wait."""
        return self.head - self.tail

    def skip_to(self, number: int) -> None:
        """Numbers go on above `number`."""
        self.number = self._counters[_NUMBER] = max(self.number, number)

    # -- writing ------------------------------------------------------------------------------

    def append(self, payload: bytes, number: int) -> None:
        """Keep a record, in the place of the oldest ones if need be; one that is too large for the
        body is left out and counted."""
        need = len(payload) + 31 & ~15
        capacity = self.capacity
        if need > capacity:
            self.lost += 1
            return
        head = self.head
        at = head % capacity
        if at + need > capacity:
            if head + capacity - at - self.tail > capacity:
                self._make_room(head + capacity - at)
            RECORD.pack_into(self._memory, PAGE + at, GO_ON, 0, 0)  # the body's size is a multiple of 16
            head += capacity - at
            at = 0
        if head + need - self.tail > capacity:
            self._make_room(head + need)
        at += PAGE
        RECORD.pack_into(self._memory, at, len(payload), crc32(payload, number & 0xFFFFFFFF), number)
        self._memory[at + 16:at + 16 + len(payload)] = payload
        self.number = self._counters[_NUMBER] = number
        self.head = self._counters[_HEAD] = head + need

    def _make_room(self, head: int) -> None:
        """Give up the oldest records until everything up to `head` fits."""
        tail = self.tail
        while head - tail > self.capacity:
            length = RECORD.unpack_from(self._memory, PAGE + tail % self.capacity)[0]
            if length == GO_ON:
                tail += self.capacity - tail % self.capacity
                continue
            if tail < self.in_flight:
                self.doubtful += 1
            else:
                self.lost += 1
            tail += length + 31 & ~15
        self.tail = self._counters[_TAIL] = tail

    # -- draining -----------------------------------------------------------------------------

    def take(self, limit: int = 1 << 19) -> tuple[list[tuple[int, bytes]], int]:
        """About `limit` bytes of the oldest records, and the `tail` behind them. They stay until
        `written` or `not_written` is told."""
        taken, tail = [], self.tail
        for number, payload, behind in self._records():
            taken.append((number, payload))
            tail = behind
            if tail - self.tail >= limit:
                break
        self.in_flight = tail
        return taken, tail

    def written(self, tail: int) -> None:
        """What was taken up to `tail` is in a file."""
        self.doubtful = self.in_flight = 0
        self.done = max(self.done, tail)
        if tail > self.tail:
            self.tail = self._counters[_TAIL] = tail

    def not_written(self) -> None:
        """What was taken could not be written: what was overwritten meanwhile is lost."""
        self.lost += self.doubtful
        self.doubtful = self.in_flight = 0

    def wipe(self, start: int, end: int) -> None:
        """Put zeros where records were that are elsewhere now; `end` is at most `tail`."""
        start = max(start, self.head - self.capacity, 0)
        while start < min(end, self.tail):
            at = start % self.capacity
            size = min(end - start, self.capacity - at)
            self._memory[PAGE + at:PAGE + at + size] = bytes(size)
            start += size

    def _records(self) -> Iterator[tuple[int, bytes, int]]:
        """Number, bytes and the place behind each; ends at the first that is damaged."""
        place, capacity = self.tail, self.capacity
        while place < self.head:
            at = place % capacity
            length, checksum, number = RECORD.unpack_from(self._memory, PAGE + at)
            if length == GO_ON:
                place += capacity - at
                continue
            if length > capacity - at - RECORD.size:
                return
            payload = self._memory[PAGE + at + 16:PAGE + at + 16 + length]
            if crc32(payload, number & 0xFFFFFFFF) != checksum:
                return
            place += length + 31 & ~15
            yield number, payload, place

    def recover(self) -> tuple[list[tuple[int, bytes]], bool]:
        """Everything that is left, and whether something behind it is damaged, which is given up."""
        left = [(number, payload, place) for number, payload, place in self._records()]
        end = left[-1][2] if left else self.tail
        at = end % self.capacity
        marked = RECORD.unpack_from(self._memory, PAGE + at)[0] == GO_ON if end < self.head else False
        damaged = end < self.head and not (marked and end + self.capacity - at >= self.head)
        if damaged:
            self.head = self._counters[_HEAD] = end
        return [(number, payload) for number, payload, _ in left], damaged

    def drop_until(self, number: int) -> None:
        """Give up the oldest records up to `number`: they are in a file."""
        for each, _, behind in list(self._records()):
            if each > number:
                return
            self.tail = self._counters[_TAIL] = behind

    def close(self) -> None:
        """Let go of the memory; a file keeps what is in it."""
        self._counters.release()
        self._memory.close()


def in_memory(capacity: int) -> Ring:
    """A ring that dies with the process, for where no file can be."""
    memory = mmap.mmap(-1, PAGE + capacity)
    _begin(memory, capacity)
    return Ring(memory, durable=False)


def in_file(path: Path, capacity: int) -> Ring:
    """The ring in a file, as its last owner left it, or a new one when there is none that can be used.

    The room on the disk is taken at once: writing into a mapped hole on a full disk would kill the
    process. Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size > PAGE:
            memory = mmap.mmap(descriptor, size)
            if _is_sound(memory, size):
                return Ring(memory, durable=True)
            memory.close()
            os.ftruncate(descriptor, 0)
        _take_room(descriptor, PAGE + capacity)
        memory = mmap.mmap(descriptor, PAGE + capacity)
        _begin(memory, capacity)
        return Ring(memory, durable=True)
    finally:
        os.close(descriptor)


def look(path: Path) -> list[tuple[int, bytes]]:
    """What a ring's file holds, while somebody may be writing to it. Raises `OSError`."""
    content = bytearray(path.read_bytes())
    if len(content) <= PAGE:
        return []
    memory = mmap.mmap(-1, len(content))
    memory[:] = bytes(content)
    if not _is_sound(memory, len(content)):
        memory.close()
        return []
    ring = Ring(memory, durable=False)
    found = ring.recover()[0]
    ring.close()
    return found


def _take_room(descriptor: int, size: int) -> None:
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
            return
        zeros = bytes(1 << 16)
        for start in range(0, size, len(zeros)):
            os.write(descriptor, zeros[:size - start])
    except OSError:
        os.ftruncate(descriptor, 0)  # a half-made ring would be taken for a whole one
        raise


def _begin(memory: mmap.mmap, capacity: int) -> None:
    with memoryview(memory)[:PAGE].cast("Q") as counters:
        for place in range(_HEAD, _CLEAN + 1):
            counters[place] = 0
        counters[_CAPACITY] = capacity
        counters[_CLEAN] = 1
        counters[_MAGIC] = MAGIC


def _is_sound(memory: mmap.mmap, size: int) -> bool:
    with memoryview(memory)[:PAGE].cast("Q") as counters:
        capacity, head, tail = counters[_CAPACITY], counters[_HEAD], counters[_TAIL]
        return (counters[_MAGIC] == MAGIC and capacity == size - PAGE and capacity % 16 == 0
                and tail <= head <= tail + capacity)
