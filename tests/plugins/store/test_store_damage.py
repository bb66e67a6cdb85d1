"""Damaged files are kept beside, named, and never stop the store for good."""

import logging
import random
import shutil

import pytest
from tulou_store.connections import Place, open_writer

from tulou_contracts.storage import Migration, StorageCorrupt, StorageError, StorageRepaired
from tulou_contracts.testing.storage import NOTES, add, texts


async def fill(open_store, count=300):
    async with open_store() as store:
        database = await store.database("kit", NOTES)
        for number in range(count // 100):
            await database.write(lambda tx: [add(f"{number} " + "字" * 300)(tx) for _ in range(100)])


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"this is no database at all, but a letter" * 100),
        lambda path: overwrite(path, 0, b"\xff" * 4096),
        lambda path: overwrite(path, 100, b"\xee" * 3900),
    ],
    ids=["other file", "first page", "schema"],
)
async def test_a_damaged_file_is_moved_aside_and_the_next_start_is_empty(open_store, tmp_path, spoil):
    await fill(open_store)
    path = tmp_path / "profile.db"
    spoil(path)
    content = path.read_bytes()
    async with open_store() as store:
        with pytest.raises(StorageCorrupt, match=r"profile\.db\.damaged-1"):
            await store.database("kit", NOTES)
        assert (tmp_path / "profile.db.damaged-1").read_bytes() == content
        database = await store.database("kit", NOTES)
        await database.write(add("new"))
        assert await database.read(texts) == ["new"]


async def test_a_second_damaged_file_does_not_replace_the_first(open_store, tmp_path):
    for number in (1, 2):
        (tmp_path / "profile.db").write_text(f"damage {number} " * 1000)
        async with open_store() as store:
            with pytest.raises(StorageCorrupt, match=f"damaged-{number}"):
                await store.database("kit", NOTES)
    assert "damage 1" in (tmp_path / "profile.db.damaged-1").read_text()
    assert "damage 2" in (tmp_path / "profile.db.damaged-2").read_text()


async def test_damage_met_while_in_use_is_checked_at_the_next_start(open_store, tmp_path):
    await fill(open_store)
    path = tmp_path / "profile.db"
    overwrite(path, path.stat().st_size // 2 // 4096 * 4096, b"\xee" * 4096)
    async with open_store() as store:
        database = await store.database("kit", NOTES)
        with pytest.raises(StorageCorrupt, match=r"profile\.db is damaged"):
            await database.read(texts)
    events = []
    for _ in range(2):  # told at every start, until the room has dealt with it
        async with open_store(publish=events.append) as store:
            database = await store.database("kit", NOTES)
            assert 250 <= len(await database.read(texts)) < 300
            assert database.repair.lost == ("kit_note",) and "damaged-1" in database.repair.kept_as
            last = database.repair
    assert events == [StorageRepaired(repair=last)]
    assert (tmp_path / "profile.db.damaged-1").exists()
    async with open_store() as store:
        database = await store.database("kit", NOTES)
        await database.settle_repair()
        assert database.repair is None
    async with open_store() as store:
        assert (await store.database("kit", NOTES)).repair is None


TABLES = (Migration(1, """
    CREATE TABLE kit_row (id INTEGER PRIMARY KEY, text TEXT);
    CREATE TABLE kit_key (a TEXT, b INTEGER, text TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE INDEX kit_row_text ON kit_row (text);
    CREATE VIEW kit_view AS SELECT id FROM kit_row;
"""),)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_pages_are_lost_the_rows_on_the_others_are_recovered(tmp_path, seed):
    rng = random.Random(seed)
    path = tmp_path / "profile.db"
    connection, _ = open_writer(Place(path))
    connection.authorizer = None
    connection.execute(TABLES[0].script)
    connection.execute("INSERT INTO store_migration VALUES ('kit', 1)")
    with connection:
        for number in range(2000):
            connection.execute("INSERT INTO kit_row VALUES (?, ?)", (number * (seed + 1), "字" * 50))
            connection.execute("INSERT INTO kit_key VALUES (?, ?, ?)", (f"会{number % 20}", number, "字" * 50))
    count = connection.pragma("page_count")
    connection.close()
    for page in rng.sample(range(12, count), 3):
        overwrite(path, page * 4096, rng.randbytes(4096))
    Place(path).suspect()
    place = Place(path)
    connection, _ = open_writer(place)
    (repaired,) = place.news
    rows = connection.execute("SELECT count(*) FROM kit_row").fetchone()[0]
    keys = connection.execute("SELECT count(*) FROM kit_key").fetchone()[0]
    assert rows > 1700 and keys > 1500, (rows, keys)
    assert rows + keys == 4000 or set(repaired.repair.lost) <= {"kit_row", "kit_key"}
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT count(*) FROM kit_view").fetchone()[0] == rows
    connection.close()


async def test_an_unclean_end_is_checked_only_as_long_as_there_is_time(tmp_path, caplog):
    path = tmp_path / "profile.db"
    connection, _ = open_writer(Place(path))
    connection.execute("CREATE TABLE kit_big (text)")
    with connection:
        for _ in range(3000):
            connection.execute("INSERT INTO kit_big VALUES (?)", ("字" * 1000,))
    shutil.copytree(tmp_path, tmp_path / "killed")  # what a kill leaves: the log is still there
    connection.close()
    place = Place(tmp_path / "killed" / "profile.db", check_seconds=0)
    with caplog.at_level(logging.INFO):
        connection, _ = open_writer(place)
    assert "tulou store check" in caplog.text
    assert connection.execute("SELECT count(*) FROM kit_big").fetchone() == (3000,)
    connection.close()


async def test_a_false_alarm_is_forgotten(open_store, tmp_path):
    await fill(open_store)
    (tmp_path / "profile.db.check").touch()
    async with open_store() as store:
        database = await store.database("kit", NOTES)
        assert len(await database.read(texts)) == 300
    assert not (tmp_path / "profile.db.check").exists()


async def test_an_empty_file_is_a_new_database(open_store, tmp_path):
    (tmp_path / "profile.db").touch()
    async with open_store() as store:
        await store.database("kit", NOTES)


async def test_a_folder_in_the_way_is_a_storage_error(open_store, tmp_path):
    (tmp_path / "profile.db").mkdir()
    async with open_store() as store:
        with pytest.raises(StorageError, match=r"profile\.db"):
            await store.database("kit", NOTES)


# -- documents


async def put_twice(open_store):
    async with open_store() as store:
        documents = await store.documents("settings")
        await documents.put("语言", {"code": "zh"})
        await documents.put("语言", {"code": "en"})


async def test_a_damaged_change_is_told_and_the_others_serve(open_store, tmp_path, caplog):
    await put_twice(open_store)
    log = tmp_path / "documents" / "settings.json.log"
    log.write_bytes(log.read_bytes().replace(b'"en"', b'"eo"'))
    content = log.read_bytes()
    async with open_store() as store:
        with caplog.at_level(logging.WARNING):
            documents = await store.documents("settings")
        assert "settings.json.log.damaged-1" in caplog.text
        assert await documents.all() == {"语言": {"code": "zh"}}
        assert log.with_name("settings.json.log.damaged-1").read_bytes() == content
        await documents.put("b", {})
    async with open_store() as store:
        assert await (await store.documents("settings")).all() == {"语言": {"code": "zh"}, "b": {}}


async def test_when_nothing_is_sound_it_is_kept_and_named(open_store, tmp_path):
    await put_twice(open_store)
    folder = tmp_path / "documents"
    for name in ("settings.json", "settings.json.previous", "settings.json.log"):
        (folder / name).write_text("no")
    async with open_store() as store:
        with pytest.raises(StorageCorrupt, match="settings.json.damaged-1.*previous.damaged-1"):
            await store.documents("settings")
        documents = await store.documents("settings")
        assert await documents.all() == {}
        await documents.put("a", {})
    assert len(list(folder.glob("*damaged*"))) == 3
