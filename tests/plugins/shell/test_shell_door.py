"""Who may come in: codes work once, sessions are known again after a restart, hashes open nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tulou_shell.door import CODE_LIFE, MAX_CODES, MAX_SESSIONS, Door, digest
from tulou_shell.remembered import FILE, Remembered, invite


class Clock:
    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


def door_at(folder: Path, clock: Clock | None = None, life: float = 1000.0) -> Door:
    return Door(Remembered(folder), clock or Clock(), life)


def test_a_code_works_once(tmp_path: Path) -> None:
    door = door_at(tmp_path)
    code = door.new_code()
    session = door.exchange(code)
    assert session is not None and door.knows(session)
    assert door.exchange(code) is None


def test_a_code_grows_old(tmp_path: Path) -> None:
    clock = Clock()
    door = door_at(tmp_path, clock)
    code = door.new_code()
    clock.time += CODE_LIFE + 1
    assert door.exchange(code) is None


def test_guesses_open_nothing(tmp_path: Path) -> None:
    door = door_at(tmp_path)
    session = door.exchange(door.new_code())
    assert session is not None
    for guess in ("", "x", session[:-1], digest(session), "../../etc/passwd", "\udcff", "é" * 1000):
        assert door.exchange(guess) is None
        assert not door.knows(guess)


def test_a_session_is_known_after_a_restart_and_not_kept_in_clear(tmp_path: Path) -> None:
    door = door_at(tmp_path)
    session = door.exchange(door.new_code())
    assert session is not None
    assert door_at(tmp_path).knows(session)
    assert session not in (tmp_path / FILE).read_text()
    if os.name == "posix":
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_a_session_ends_after_its_life_and_a_visit_prolongs_it(tmp_path: Path) -> None:
    clock = Clock()
    door = door_at(tmp_path, clock, life=10_000)
    session = door.exchange(door.new_code())
    assert session is not None
    for _ in range(5):
        clock.time += 9_000
        assert door.knows(session)
    clock.time += 10_001
    assert not door.knows(session)
    assert not door_at(tmp_path, clock).knows(session)


def test_codes_and_sessions_are_bounded(tmp_path: Path) -> None:
    clock = Clock()
    door = door_at(tmp_path, clock)
    first = door.new_code()
    for _ in range(MAX_CODES):
        door.new_code()
    assert door.exchange(first) is None
    oldest = door.exchange(door.new_code())
    for _ in range(MAX_SESSIONS):
        clock.time += 1
        newest = door.exchange(door.new_code())
    assert oldest is not None and newest is not None
    assert not door.knows(oldest) and door.knows(newest)


def test_closing_the_door_forgets_everybody(tmp_path: Path) -> None:
    door = door_at(tmp_path)
    session, code = door.exchange(door.new_code()), door.new_code()
    door.close_all()
    assert session is not None and not door.knows(session) and door.exchange(code) is None


def test_an_invitation_of_another_process_works_once(tmp_path: Path) -> None:
    clock = Clock()
    clock.time = 0.0  # files are dated by the real clock, which is later
    code = invite(tmp_path)
    door = door_at(tmp_path, clock)
    assert door.exchange(code) is not None
    assert door.exchange(code) is None
    assert code not in str(list(tmp_path.rglob("*")))


def test_an_old_invitation_is_refused(tmp_path: Path) -> None:
    code = invite(tmp_path)
    os.utime(tmp_path / "invitations" / digest(code), (1, 1))
    clock = Clock()
    assert door_at(tmp_path, clock).exchange(code) is None


def test_a_damaged_file_counts_as_empty(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"port": "x", "sessions": []}', '{"port": 99999999}', "\x00\xff"):
        (tmp_path / FILE).write_text(text)
        remembered = Remembered(tmp_path)
        assert remembered.port == 0 and remembered.sessions == {}
        remembered.port = 23456
        remembered.save()
        assert json.loads((tmp_path / FILE).read_text())["port"] == 23456
        assert not list(tmp_path.glob("*.tmp"))
