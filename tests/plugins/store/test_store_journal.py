"""Documents on disk: cut at every byte, flipped at every byte, and every crash between two steps."""

import json
import os
import shutil
import sys
from functools import partial

import pytest
from toy_cipher import ToyCipher
from tulou_store import journal
from tulou_store.journal import Journal
from tulou_store.keys import Sealed

from tulou_contracts.storage import StorageCorrupt, StorageError


def change(journal, tables, key, document):
    """The tables after a change, once it is durable."""
    table = dict(tables["documents"])
    if document is None:
        table.pop(key, None)
    else:
        table[key] = document
    changed = {"documents": table}
    journal.change(changed, "documents", key)
    return changed


def history(folder, least=200):
    """A set that was compacted several times, and every state it had."""
    journal = Journal(folder / "a.json", least=least)
    journal.read()
    states = [{"documents": {}}]
    for number in range(15):
        key = f"键{number % 4}"
        document = None if number % 5 == 4 else {"n": number, "文": "塔楼" * (number % 3)}
        states.append(change(journal, states[-1], key, document))
    return states


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put_back(folder, content):
    shutil.rmtree(folder)
    folder.mkdir()
    for name, data in content.items():
        (folder / name).write_bytes(data)


def read(folder):
    tables, story = Journal(folder / "a.json", least=200).read()
    return tables or {"documents": {}}, story


@pytest.fixture(autouse=True, params=["plain", "sealed"])
def form(request, monkeypatch):
    """All of it with files that are encrypted, too."""
    if request.param == "sealed":
        sealed = partial(journal.Journal, coding=Sealed(bytes(32), ToyCipher()))
        monkeypatch.setattr(sys.modules[__name__], "Journal", sealed)
    return request.param


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "documents"
    path.mkdir()
    return path


def test_a_set_is_what_was_written_and_its_log_stays_short(folder):
    states = history(folder)
    assert read(folder) == (states[-1], "")
    assert {path.name for path in folder.iterdir()} == {
        "a.json", "a.json.previous", "a.json.log", "a.json.log.previous"}
    assert (folder / "a.json.log").stat().st_size < 1000


def test_a_log_cut_at_every_byte_gives_a_state_that_was_confirmed(folder):
    states = history(folder)
    journal = Journal(folder / "a.json")
    journal.read()
    for number in range(20, 24):
        states.append(change(journal, states[-1], "键", {"n": number}))
    content = files(folder)
    log = content["a.json.log"]
    whole = [at + 1 for at, byte in enumerate(log) if byte == 10]
    for size in range(len(log)):
        put_back(folder, content | {"a.json.log": log[:size]})
        tables, story = read(folder)
        kept = max(sum(at <= size for at in whole) - 1, 0)  # the first line is no change
        expected = states[len(states) - len(whole) + kept]
        assert (tables, story) == (expected, ""), size
        if size % 9:
            continue  # it goes on from there; seldom tried, for each costs a sync
        journal = Journal(folder / "a.json", least=200)
        journal.read()
        after = change(journal, tables, "neu", {"n": size})
        assert read(folder) == (after, ""), size


def test_the_file_cut_at_every_byte_loses_nothing(folder):
    states = history(folder)
    content = files(folder)
    for size in range(len(content["a.json"])):
        put_back(folder, content | {"a.json": content["a.json"][:size]})
        tables, story = read(folder)
        assert tables == states[-1] and "damaged-1" in story, size
    put_back(folder, {name: data for name, data in content.items() if name != "a.json"})
    assert read(folder)[0] == states[-1]


@pytest.mark.parametrize("name", ["a.json", "a.json.log", "a.json.previous", "a.json.log.previous"])
def test_a_flipped_byte_anywhere_is_noticed_or_does_no_harm(folder, name):
    states = history(folder)
    content = files(folder)
    for at in range(len(content[name])):
        data = bytearray(content[name])
        data[at] ^= 0x15
        put_back(folder, content | {name: bytes(data)})
        tables, story = read(folder)
        assert story or tables in states, at
        if name != "a.json.log":
            assert tables == states[-1], at
        elif not story:  # its last line break: as if the last change had been cut short
            assert tables in states[-2:], at


def test_a_crash_between_any_two_steps_of_a_compaction_loses_nothing(folder, monkeypatch):
    class Crash(Exception):
        pass

    steps = 0
    real = {name: getattr(os, name) for name in ("replace", "fsync")}

    def run(stop):
        nonlocal steps
        steps = 0

        def step(name):
            def stepped(*arguments):
                nonlocal steps
                steps += 1
                if steps == stop:
                    raise Crash
                return real[name](*arguments)

            return stepped

        for each in real:
            monkeypatch.setattr(os, each, step(each))
        shutil.rmtree(folder)
        folder.mkdir()
        journal, state, confirmed = Journal(folder / "a.json", least=60), {"documents": {}}, []
        journal.read()
        try:
            for number in range(8):
                confirmed.append(state)
                state = change(journal, state, f"k{number}", {"n": number})
            confirmed.append(state)
            crashed = False
        except Crash:
            crashed = True
        for each, function in real.items():
            monkeypatch.setattr(os, each, function)
        after = Journal(folder / "a.json").read()[0] or {"documents": {}}
        wanted = dict(confirmed[-1]["documents"])
        assert after["documents"] in (wanted, wanted | {f"k{len(wanted)}": {"n": len(wanted)}}), stop
        return crashed

    stop = 1
    while run(stop):
        stop += 1
    assert stop > 15


def test_damage_in_the_middle_is_told_a_copy_kept_and_the_rest_used(folder):
    journal = Journal(folder / "a.json")
    journal.read()
    state = {"documents": {}}
    for number in range(5):
        state = change(journal, state, f"k{number}", {"n": number})
    log = folder / "a.json.log"
    data = log.read_bytes()
    lines = data.split(b"\n")
    lines[3] = lines[3][:-3] + b"???"
    log.write_bytes(b"\n".join(lines))
    journal = Journal(folder / "a.json")
    tables, story = journal.read()
    assert "1 of 5 changes" in story and "a.json.log.damaged-1" in story
    assert sorted(tables["documents"]) == ["k0", "k1", "k3", "k4"]
    journal.change(tables, "documents", "k0")
    assert Journal(folder / "a.json").read() == (tables, "")


def test_what_is_no_set_of_documents_is_refused(folder):
    (folder / "a.json").write_text("letter", "utf-8")
    (folder / "a.json.log").write_text("another\nletter\n", "utf-8")
    with pytest.raises(StorageCorrupt, match="a.json.damaged-1"):
        Journal(folder / "a.json").read()
    assert Journal(folder / "a.json").read() == (None, "")


def test_a_failed_sync_takes_the_line_back_and_the_next_change_writes_all(folder, monkeypatch):
    journal = Journal(folder / "a.json")
    journal.read()
    state = change(journal, {"documents": {}}, "a", {"n": 1})

    def fail(_):
        raise OSError(5, "I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError, match="a.json"):
            change(journal, state, "b", {"n": 2})
    assert read(folder)[0] == state
    state = change(journal, state, "c", {"n": 3})
    assert (folder / "a.json").exists()
    assert read(folder) == (state, "")


def test_the_files_are_text_that_people_can_read(folder, form):
    history(folder)
    if form == "sealed":
        assert not any("塔楼" in path.read_text("utf-8") for path in folder.iterdir())
        return
    digest, body = (folder / "a.json").read_text("utf-8").split("\n")
    assert len(digest) == 64 and json.loads(body)["documents"]
    assert any("塔楼" in path.read_text("utf-8") for path in folder.iterdir())
