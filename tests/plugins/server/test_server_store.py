"""The archive's paging against a plain list, on a storage."""

import random
from importlib.util import find_spec

import pytest
from server_storage import open_storage
from tulou_server.accounts import Accounts
from tulou_server.archive import Append, Copy, Query, UnknownArchiveId, clear_pending, pending, select
from tulou_server.schema import MIGRATIONS, NAMESPACE


@pytest.fixture
async def database(tmp_path):
    async with open_storage(tmp_path) as store:
        opened = await store.database(NAMESPACE, MIGRATIONS)
        accounts = Accounts(opened, "example.org", 4096)
        await accounts.open()
        await accounts.create("lin", "x")
        await accounts.create("wang", "x")
        yield opened


async def fill(database, count, rng):
    """`count` messages with peers and a clock that sometimes runs backwards."""
    rows, clock = [], 1_000_000
    while len(rows) < count:
        batch = []
        clock += rng.choice([0, 5, 1000, -700])
        for _ in range(rng.randint(1, 7)):
            peer = rng.choice(["wang", "陈", "x"])
            batch.append(Copy(owner="lin", peer=peer, stanza=f"<message>{len(rows) + len(batch)}</message>",
                              pending=rng.random() < 0.5))
        entries = await database.write(Append(batch, clock))
        rows += zip(batch, entries)
    return rows


async def test_numbers_are_dense_and_times_never_run_backwards(database):
    rows = await fill(database, 60, random.Random(1))
    assert [entry.seq for _, entry in rows] == list(range(1, len(rows) + 1))
    times = [entry.at for _, entry in rows]
    assert times == sorted(times)


async def test_owners_count_apart_and_an_unknown_one_gets_nothing(database):
    copies = [Copy(owner=o, peer="p", stanza="s", pending=True) for o in ("lin", "gone", "wang", "lin")]
    entries = await database.write(Append(copies, 5))
    assert [entry and entry.seq for entry in entries] == [1, None, 1, 2]
    assert [e.seq for e in await database.read(lambda r: pending(r, "lin", 0, 1000))] == [1, 2]
    await database.write(lambda tx: clear_pending(tx, [("lin", 1), ("lin", 77)]))
    assert [e.seq for e in await database.read(lambda r: pending(r, "lin", 0, 1000))] == [2]


@pytest.mark.parametrize("seed", range(4))
async def test_every_page_is_what_a_list_would_give(database, seed):
    rng = random.Random(seed)
    rows = await fill(database, 80, rng)
    times = [entry.at for _, entry in rows]
    for _ in range(150):
        query = Query(
            peer=rng.choice([None, None, "wang", "陈", "nobody"]),
            start=rng.choice([None, rng.choice(times), rng.choice(times) + 1]),
            end=rng.choice([None, rng.choice(times), rng.choice(times) - 1]),
            after=rng.choice([None, rng.randint(1, len(rows))]),
            before=rng.choice([None, rng.randint(1, len(rows))]),
            backwards=rng.random() < 0.5,
            limit=rng.choice([0, 1, 3, 10, 200]),
        )
        inside = [
            (copy, e) for copy, e in rows
            if (query.peer is None or copy.peer == query.peer)
            and (query.start is None or e.at >= query.start) and (query.end is None or e.at <= query.end)
        ]
        beyond = [
            e for _, e in inside
            if (query.after is None or e.seq > query.after) and (query.before is None or e.seq < query.before)
        ]
        cut = beyond[max(0, len(beyond) - query.limit):] if query.backwards else beyond[: query.limit]
        page = await database.read(lambda reader, query=query: select(reader, "lin", query))
        assert list(page.entries) == cut, query
        assert page.complete == (len(beyond) <= query.limit), query
        assert page.count == len(inside), query
        if cut:
            assert page.index == [e.seq for _, e in inside].index(cut[0].seq), query


async def test_an_unknown_anchor_is_an_error(database):
    await fill(database, 3, random.Random(2))
    for query in (Query(after=0), Query(after=99), Query(before=99, backwards=True)):
        with pytest.raises(UnknownArchiveId):
            await database.read(lambda reader, query=query: select(reader, "lin", query))


async def test_a_failed_write_takes_no_number(database):
    def work(transaction):
        Append([Copy(owner="lin", peer="p", stanza="s", pending=True)], 5)(transaction)
        raise ValueError("undone")

    with pytest.raises(ValueError):
        await database.write(work)
    entries = await database.write(Append([Copy(owner="lin", peer="p", stanza="s", pending=False)], 5))
    assert entries[0].seq == 1


@pytest.mark.skipif(find_spec("tulou_store") is None, reason="needs store and looks into its files")
async def test_no_password_is_in_the_database(tmp_path):
    async with open_storage(tmp_path) as store:
        opened = await store.database(NAMESPACE, MIGRATIONS)
        accounts = Accounts(opened, "example.org", 4096)
        await accounts.open()
        await accounts.create("lin", "canary-密码-canary")
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"canary" not in content
