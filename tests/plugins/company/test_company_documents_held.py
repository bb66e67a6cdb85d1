"""What a profile holds of the company's documents, and until when."""

from __future__ import annotations

import pytest
import trio
from company_office import DAY, KEY, LIN, Key, office, signed

from tulou.testing.kit import EPOCH
from tulou_contracts.company import DocumentRefused, NoCompany
from tulou_contracts.network import NetworkError
from tulou_contracts.testing.memory_storage import MemoryStorage


async def test_a_document_is_fetched_checked_held_and_told(tmp_path):
    async with office(tmp_path, texts=[signed(content={"附件": False})]) as it:
        await it.asked(1)
        document = it.company.document("policy")
        assert document.content == {"附件": False} and document.version == 1
        assert it.changes == [("policy", 1)]
        assert it.company.url == "https://company.example.org:5281"
        assert it.company.document("routes") is None


async def test_it_is_there_after_a_restart_without_any_network(tmp_path):
    storage = MemoryStorage()
    async with office(tmp_path, texts=[signed()], storage=storage) as it:
        await it.asked(1)
    async with office(tmp_path, storage=storage, wire=False) as it:
        assert it.company.document("policy").version == 1
        with pytest.raises(NetworkError, match="no plugin for the wire"):
            await it.company.refresh("policy")


async def test_a_newer_one_takes_its_place_and_an_older_one_never_does(tmp_path):
    storage = MemoryStorage()
    async with office(tmp_path, texts=[signed(version=3)], storage=storage) as it:
        await it.asked(1)
        it.service.texts = [signed(version=4)]
        assert (await it.company.refresh("policy")).version == 4
        it.service.texts = [signed(version=3)]
        with pytest.raises(DocumentRefused, match="older than 4"):
            await it.company.refresh("policy")
        assert it.company.document("policy").version == 4
        await trio.sleep(0.1)
        assert it.changes == [("policy", 3), ("policy", 4)]
    async with office(tmp_path, texts=[signed(version=2)], storage=storage) as it:
        with pytest.raises(DocumentRefused, match="older than 4"):
            await it.company.refresh("policy")
        assert it.company.document("policy").version == 4


async def test_two_documents_of_one_version_are_one_too_many(tmp_path):
    async with office(tmp_path, texts=[signed(content={"a": 1})]) as it:
        await it.asked(1)
        it.service.texts = [signed(content={"a": 2})]
        with pytest.raises(DocumentRefused, match="two different documents of version 1"):
            await it.company.refresh("policy")
        assert it.company.document("policy").content == {"a": 1}


async def test_it_runs_out_on_time_and_a_new_one_begins(tmp_path):
    end = EPOCH + 5 * 60 * 1_000_000
    async with office(tmp_path, texts=[signed(valid_until=end)], poll=10**6) as it:
        await it.asked(1)
        begun = trio.current_time()
        with trio.fail_after(600):
            while it.company.document("policy") is not None or len(it.changes) < 2:
                await trio.sleep(0.5)
        assert 299 < trio.current_time() - begun < 301
        assert it.changes == [("policy", 1), ("policy", 0)]
        it.service.texts = [signed(version=2)]
        assert (await it.company.refresh("policy")).version == 2


async def test_what_ran_out_while_the_app_was_closed_does_not_hold_but_marks(tmp_path):
    storage = MemoryStorage()
    short = signed(version=7, valid_until=EPOCH + 1_000_000)
    async with office(tmp_path, texts=[short], storage=storage) as it:
        await it.asked(1)
        assert it.changes == [("policy", 7)]
    await trio.sleep(10)
    old = signed(version=6, valid_until=EPOCH + 40 * DAY)
    async with office(tmp_path, texts=[old], storage=storage) as it:
        await trio.sleep(2)
        assert it.company.document("policy") is None
        with pytest.raises(DocumentRefused, match="older than 7"):
            await it.company.refresh("policy")


async def test_the_accounts_own_comes_before_everybodys_until_it_is_withdrawn(tmp_path):
    mine = signed(version=1, content={"whose": "mine"}, account=LIN)
    everybodys = signed(version=9, content={"whose": "everybody's"})
    async with office(tmp_path, texts=[everybodys, mine]) as it:
        await it.asked(1)
        assert it.company.document("policy").content == {"whose": "mine"}
        it.service.texts = [everybodys, signed(version=2, account=LIN, withdrawn=True)]
        assert (await it.company.refresh("policy")).content == {"whose": "everybody's"}
        it.service.texts = [signed(version=10, withdrawn=True), it.service.texts[1]]
        assert await it.company.refresh("policy") is None
        await trio.sleep(0.1)
        assert it.changes[-1] == ("policy", 0)


async def test_another_account_sees_nothing_of_what_was_kept_for_this_one(tmp_path):
    storage = MemoryStorage()
    mine = signed(content={"whose": "mine"}, account=LIN)
    async with office(tmp_path, texts=[mine], storage=storage) as it:
        await it.asked(1)
        assert it.company.document("policy") is not None
    async with office(tmp_path, storage=storage, account="wang@example.org", wire=False) as it:
        assert it.company.document("policy") is None
        it.sign_in(LIN)
        await trio.sleep(1)
        assert it.company.document("policy").content == {"whose": "mine"}


async def test_a_disk_that_is_full_keeps_the_former_one_and_the_next_time_is_another_chance(tmp_path):
    async with office(tmp_path, texts=[signed()]) as it:
        await it.asked(1)
        it.storage.full = True
        it.service.texts = [signed(version=2)]
        assert (await it.company.refresh("policy")).version == 1
        it.storage.full = False
        assert (await it.company.refresh("policy")).version == 2


async def test_what_somebody_wrote_into_the_storage_does_not_count(tmp_path):
    storage = MemoryStorage()
    documents = await storage.documents("company")
    other = Key()
    await documents.put("tulou/policy/", {"version": 1, "key": other.id, "account": "",
                                          "text": signed(key=other)})
    for name, record in {
        "tulou/routes/": {"version": 1, "key": KEY.id, "account": "", "text": signed("routes")[:-9]},
        "tulou/x/": {}, "tulou//": {"text": 7}, "": {}, "a/b/c/d": {"version": "x"},
        "tulou/events/": {"version": "nonsense", "key": KEY.id, "account": "", "text": None},
    }.items():
        await documents.put(name, record)
    async with office(tmp_path, storage=storage, wire=False) as it:
        assert all(it.company.document(kind) is None for kind in ("policy", "routes", "events", "x"))
    async with office(tmp_path, storage=storage, texts=[signed(), signed("events")]) as it:
        await it.asked(1)
        assert it.company.document("policy").version == 1, "a key that is not pinned sets no mark"
        assert it.company.document("events").version == 1


async def test_a_root_key_hands_over_to_another(tmp_path):
    storage, new = MemoryStorage(), Key()
    async with office(tmp_path, texts=[signed(version=5)], storage=storage) as it:
        await it.asked(1)
    both = [KEY.public, new.public]
    async with office(tmp_path, texts=[signed(version=4, key=new)], storage=storage, root_keys=both) as it:
        assert it.company.document("policy").version == 5
        with pytest.raises(DocumentRefused, match="older"):
            await it.company.refresh("policy")
        it.service.texts = [signed(version=6, key=new)]
        assert (await it.company.refresh("policy")).version == 6
    async with office(tmp_path, texts=[signed(version=7)], storage=storage, root_keys=[new.public]) as it:
        assert it.company.document("policy").version == 6
        with pytest.raises(DocumentRefused, match="no pinned key"):
            await it.company.refresh("policy")


async def test_a_clock_that_is_set_back_brings_nothing_back_that_ran_out(tmp_path, monkeypatch):
    storage = MemoryStorage()
    old = signed(valid_until=EPOCH + DAY)
    async with office(tmp_path, texts=[old], storage=storage) as it:
        await it.asked(1)
        it.service.texts = [old, signed("routes", issued_at=EPOCH + DAY - 1, valid_until=EPOCH + 9 * DAY)]
        await it.company.refresh("routes")
        await trio.sleep(2)
        assert it.company.document("policy") is None, "another document proves how late it is"
        assert it.company.document("routes") is not None
    async with office(tmp_path, storage=storage, wire=False) as it:
        await trio.sleep(1)
        assert it.company.document("policy") is None


async def test_without_a_root_key_there_is_no_company_and_nobody_is_asked(tmp_path):
    async with office(tmp_path, root_keys=[]) as it:
        it.online()
        await trio.sleep(10_000)
        assert it.company.url is None and it.company.document("policy") is None
        for act in (lambda: it.company.refresh("policy"),
                    lambda: it.company.report("logs", b"x", content_type="text/plain")):
            with pytest.raises(NoCompany, match="root_keys"):
                await act()
        assert it.service.requests == [] and it.service.issued == 0


async def test_the_accounts_own_holds_from_the_start_before_anybody_says_whose_profile_it_is(tmp_path):
    storage = MemoryStorage()
    texts = [signed(content={"whose": "everybody's"}), signed(content={"whose": "mine"}, account=LIN)]
    async with office(tmp_path, texts=texts, storage=storage) as it:
        await it.asked(1)
    async with office(tmp_path, storage=storage, wire=False, identity=False) as it:
        assert it.company.document("policy").content == {"whose": "mine"}
