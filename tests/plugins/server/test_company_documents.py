"""Documents: issued, numbered, signed, served to whom they are for and to nobody else."""

from __future__ import annotations

import pytest
from company_world import LIN, WANG, company_world

from tulou_contracts.company import DocumentRefused


@pytest.fixture
async def world(tmp_path):
    async with company_world(tmp_path) as world:
        yield world


async def test_a_document_reaches_every_client_signed_and_numbered(world):
    first = await world.service.publish("policy", {"max": 3, "词": "<&>"})
    second = await world.service.publish("policy", {"max": 4})
    assert (first.version, second.version) == (1, 2)
    (got,) = await world.documents()
    assert got["content"] == {"max": 4} and got["version"] == 2 and got["kind"] == "policy"
    assert got["audience"] == "tulou" and got["account"] == "" and got["withdrawn"] is False
    assert got["valid_until"] == got["issued_at"] + 30 * 86_400 * 1_000_000


async def test_what_is_for_one_account_is_seen_by_no_other(world):
    await world.service.publish("policy", {"for": "all"})
    await world.service.publish("policy", {"for": "lin"}, account="LIN@example.org")
    await world.service.publish("routes", {"for": "other product"}, audience="acme")
    assert [each["content"]["for"] for each in await world.documents(LIN)] == ["all", "lin"]
    assert [each["content"]["for"] for each in await world.documents(WANG)] == ["all"]
    acme = await world.documents(WANG, "/documents?audience=acme&account=lin@example.org")
    assert [each["content"]["for"] for each in acme] == ["other product"]


async def test_one_kind_can_be_asked_for(world):
    await world.service.publish("policy", {"a": 1})
    await world.service.publish("routes", {"b": 2})
    assert [each["kind"] for each in await world.documents(path="/documents/routes")] == ["routes"]
    assert await world.documents(path="/documents/nothing") == []


async def test_a_client_that_has_it_all_gets_an_empty_answer(world):
    await world.service.publish("policy", {"a": 1})
    token = await world.token()
    first = await world.send("/documents", token)
    again = await world.send("/documents", token, if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    await world.service.publish("policy", {"a": 2})
    assert (await world.send("/documents", token, if_none_match=first.headers["etag"])).status == 200


async def test_what_is_withdrawn_is_said_by_a_further_version(world):
    await world.service.publish("policy", {"a": 1})
    await world.service.withdraw("policy")
    (got,) = await world.documents()
    assert got["withdrawn"] and got["version"] == 2 and got["content"] == {}
    assert (await world.service.publish("policy", {"a": 3})).version == 3


async def test_word_of_an_issue_goes_to_who_holds_a_token(world):
    import trio

    lin, wang, news = [], [], []
    world.signals.of(LIN, lin.append)
    world.signals.of(WANG, wang.append)
    world.signals.of("chen@example.org", news.append)
    await world.token(LIN)
    await world.token(WANG)
    await world.service.publish("policy", {"a": 1})
    await world.service.publish("policy", {"a": 1}, account=LIN)
    with trio.fail_after(10):
        while len(lin) < 2:
            await trio.sleep(0.01)
    assert [(each.name, each.content) for each in lin] == [
        ("company.document", {"kind": "policy", "version": "1"})] * 2
    assert len(wang) == 1 and not news


@pytest.mark.parametrize(("kind", "content", "more", "reason"), [
    ("Policy!", {}, {}, "no kind"),
    ("policy", [1], {}, "JSON object"),
    ("policy", {"x": float("nan")}, {}, "not JSON"),
    ("policy", {"x": object()}, {}, "not JSON"),
    ("policy", {"x": "\ud800"}, {}, "not JSON"),
    ("policy", {1: 2}, {}, "no text"),
    ("policy", {"x": "土" * 400_000}, {}, "max_document"),
    ("policy", {}, {"account": "nobody"}, "no account"),
    ("policy", {}, {"account": "a@@b"}, "nobody"),
    ("policy", {}, {"valid_for": 0}, "valid for"),
    ("policy", {}, {"valid_for": float("nan")}, "valid for"),
    ("policy", {}, {"least": 1 << 60}, "version"),
])
async def test_what_no_client_could_take_is_not_issued(world, kind, content, more, reason):
    with pytest.raises(DocumentRefused, match=reason):
        await world.service.publish(kind, content, **more)
    assert await world.documents() == []


async def test_what_nests_too_deep_is_not_issued(world):
    deep = {}
    for _ in range(100_000):
        deep = {"d": deep}
    with pytest.raises(DocumentRefused, match="deeper"):
        await world.service.publish("policy", deep)
    while deep:  # taken apart from the outside: the interpreter would do it from within
        deep = deep.pop("d")


async def test_a_full_disk_issues_nothing_and_gives_the_version_to_the_next(world):
    world.storage.full = True
    with pytest.raises(DocumentRefused, match="no room"):
        await world.service.publish("policy", {"a": 1})
    world.storage.full = False
    assert (await world.service.publish("policy", {"a": 2})).version == 1


async def test_a_clock_that_is_set_back_does_not_date_an_issue_before_the_last(world, monkeypatch):
    first = await world.service.publish("policy", {"a": 1})
    monkeypatch.setattr(world.service.archive, "_now", lambda: first.issued_at - 10**12)
    second = await world.service.publish("policy", {"a": 2})
    assert second.issued_at == first.issued_at and second.version == 2


async def test_a_service_restored_from_a_backup_can_go_on_above_what_was_issued(world):
    assert (await world.service.publish("policy", {"a": 1}, least=57)).version == 57
    assert (await world.service.publish("policy", {"a": 2}, least=3)).version == 58


async def test_another_root_key_takes_over_with_everything_issued_anew(tmp_path):
    from tulou_contracts.crypto import CryptoError
    from tulou_contracts.testing.crypto import MemoryKeyring
    from tulou_contracts.testing.memory_storage import MemoryStorage

    storage, keyring = MemoryStorage(), MemoryKeyring()
    async with company_world(tmp_path, storage=storage, keyring=keyring) as world:
        issued = await world.service.publish("policy", {"a": 1}, valid_for=100.0)
        await world.service.publish("routes", {"b": 1}, account=LIN)
        await world.service.withdraw("routes", account=LIN)
        with pytest.raises(CryptoError, match="new-root-key"):
            await world.service.use_root_key()
        old, new = world.service.root_key, await world.service.new_root_key()
        assert old != new == await world.service.new_root_key() and world.service.root_key == old
        assert len(await world.service.use_root_key()) == 2
        assert world.service.root_key == new
        policy, routes = await world.documents()  # verified by the new key
        assert (policy["version"], policy["content"]) == (2, {"a": 1})
        assert policy["valid_until"] == issued.valid_until
        assert (routes["version"], routes["withdrawn"]) == (3, True)
    async with company_world(tmp_path, storage=storage, keyring=keyring) as world:
        assert world.service.root_key == new
        assert (await world.service.publish("policy", {"a": 2})).version == 3
        assert await world.service.new_root_key() not in (old, new)


async def test_what_is_about_to_run_out_is_told_in_the_log(tmp_path, caplog):
    import trio

    from tulou_contracts.testing.crypto import MemoryKeyring
    from tulou_contracts.testing.memory_storage import MemoryStorage

    storage, keyring = MemoryStorage(), MemoryKeyring()
    async with company_world(tmp_path, storage=storage, keyring=keyring) as world:
        await world.service.publish("policy", {}, valid_for=86_400.0)
        await world.service.publish("routes", {}, valid_for=30 * 86_400.0)
        await world.service.publish("events", {}, valid_for=86_400.0)
        await world.service.withdraw("events")
    async with company_world(tmp_path, storage=storage, keyring=keyring):
        with trio.fail_after(5):
            while "runs out within a week" not in caplog.text:
                await trio.sleep(0.01)
    told = [each.getMessage() for each in caplog.records if "runs out" in each.getMessage()]
    assert told == [
        "the policy for everybody, version 1, runs out within a week: publish it anew, or withdraw it"]


async def test_old_issues_make_room_and_versions_go_on(world):
    for number in range(60):
        await world.service.publish("policy", {"n": number})
    rows = world.storage.connection.execute("SELECT COUNT(*), MAX(version) FROM company_document").fetchone()
    assert rows == (51, 60)
    assert (await world.documents())[0]["version"] == 60
