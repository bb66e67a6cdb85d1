"""What an administrator is told before a document is signed that no client could use."""

import json

import pytest
import trio
from company_world import company_world
from tulou_server.company.command import main
from tulou_server.company.forms import check_form

from tulou_contracts.company import DocumentRefused

ROUTE = {"path": "help/{topic}", "to": "help.page"}
EVENT = {"enabled": True, "sample": 0.5, "window": 60, "valid_until": "2027-12-31", "owner": "poll",
         "fields": {"a": None, "b": {"type": "text", "personal": "never", "choices": ["x"], "longest": 9}}}


@pytest.mark.parametrize(("kind", "content"), [
    ("routes", {"routes": []}), ("routes", {"back_to": 3}),
    ("routes", {"routes": [ROUTE, {"path": "帮助", "to": "help.page", "parameters": {"topic": "x"},
                                   "exported": True, "guards": ["signed-in"], "title": "帮助"}]}),
    ("events", {"events": {}}), ("events", {"events": {"poll.voted": EVENT}}),
    ("configuration", {}), ("configuration", {"flags": {"a": True, "b": 1, "c": 0.5, "词": "土"}, "more": []}),
    ("logging", {}), ("logging", {"levels": {"im": "debug", "": "WARNING", "urllib3.pool": "off"}}),
    ("policy", {"anything": [None]}), ("of-a-plugin", {"routes": "x"}),
])
def test_what_clients_use_is_issued(kind, content):
    check_form(kind, content)


@pytest.mark.parametrize(("kind", "content", "reason"), [
    ("routes", {"routes": "x"}, "at most 1,000"), ("routes", {}, "at most 1,000"),
    ("routes", {"routes": [ROUTE] * 1001}, "at most 1,000"), ("routes", {"back_to": True}, "version"),
    ("routes", {"routes": [1]}, "route 1 is no object"), ("routes", {"routes": [{**ROUTE, "x": 1}]}, "no "),
    ("routes", {"routes": [ROUTE, {"path": "help/{other}", "to": "a.b"}]}, "1 and 2 have the same address"),
    ("routes", {"routes": [{**ROUTE, "path": "{all}"}]}, "wrong 'path'"),
    ("routes", {"routes": [{**ROUTE, "path": "a//b"}]}, "wrong 'path'"),
    ("routes", {"routes": [{**ROUTE, "path": 1}]}, "wrong 'path'"),
    ("routes", {"routes": [{**ROUTE, "path": "a/{b}/{b}"}]}, "wrong 'path'"),
    ("routes", {"routes": [{**ROUTE, "to": "../x"}]}, "'to'"),
    ("routes", {"routes": [{**ROUTE, "guards": "signed-in"}]}, "'guards'"),
    ("routes", {"routes": [{**ROUTE, "parameters": {"a": 1}}]}, "'parameters'"),
    ("routes", {"routes": [{**ROUTE, "exported": 1}]}, "'exported'"),
    ("events", {"events": 5}, "at most 2,000"), ("events", {}, "at most 2,000"),
    ("events", {"events": {f"a.b{n}": {} for n in range(2001)}}, "at most 2,000"),
    ("events", {"events": {"Bad": {}}}, "owner.what-happened"),
    ("events", {"events": {"a.b": 1}}, "no object"), ("events", {"events": {"a.b": {"x": 1}}}, "no object"),
    ("events", {"events": {"a.b": {"sample": 2}}}, "'sample'"),
    ("events", {"events": {"a.b": {"sample": float("nan")}}}, "'sample'"),
    ("events", {"events": {"a.b": {"window": True}}}, "'window'"),
    ("events", {"events": {"a.b": {"enabled": "no"}}}, "'enabled'"),
    ("events", {"events": {"a.b": {"valid_until": "soon"}}}, "no day"),
    ("events", {"events": {"a.b": {"valid_until": 20271231}}}, "no day"),
    ("events", {"events": {"a.b": {"owner": 1}}}, "no text"),
    ("events", {"events": {"a.b": {"fields": []}}}, "'fields'"),
    ("events", {"events": {"a.b": {"fields": {"c": 1}}}}, "neither null"),
    ("events", {"events": {"a.b": {"fields": {"c": {"type": []}}}}}, "no known type"),
    ("events", {"events": {"a.b": {"fields": {"c": {"personal": "very"}}}}}, "'personal'"),
    ("events", {"events": {"a.b": {"fields": {"c": {"choices": [1]}}}}}, "'choices'"),
    ("events", {"events": {"a.b": {"fields": {"c": {"longest": 1e3}}}}}, "'longest'"),
    ("configuration", {"flags": []}, "'flags'"), ("configuration", {"flags": {"a": None}}, "the flag 'a'"),
    ("logging", {"levels": []}, "'levels'"), ("logging", {"levels": {"im": "loud"}}, "level of 'im'"),
    ("logging", {"levels": {"im": 1}}, "level of 'im'"), ("logging", {"levels": {"a b": "info"}}, "module"),
])
def test_what_no_client_could_use_is_a_sentence(kind, content, reason):
    with pytest.raises(DocumentRefused, match=reason) as caught:
        check_form(kind, content)
    assert "--force" in str(caught.value) and caught.value.kind == kind and len(str(caught.value)) < 500


async def ordered(profile, *arguments):
    return await trio.to_thread.run_sync(main, ["--profile", str(profile), *arguments])


async def test_the_command_refuses_it_unless_forced(tmp_path, capsys):
    file = tmp_path / "路.json"
    file.write_text('{"routes": "x"}')
    async with company_world(tmp_path / "p") as world:
        assert await ordered(tmp_path / "p", "publish", "routes", str(file)) == 1
        assert "no client could use these routes" in capsys.readouterr().err
        assert await world.documents() == []
        assert await ordered(tmp_path / "p", "publish", "routes", str(file), "--audience", "acme") == 0
        assert await ordered(tmp_path / "p", "publish", "routes", str(file), "--force") == 0
        assert [each["content"] for each in await world.documents()] == [{"routes": "x"}]


@pytest.mark.parametrize(("text", "said"), [
    (b'{"a": 1, "a": 2}', "stands twice"), (b'{"x": {"b": 1, "b": 1}}', "stands twice"),
    (b'{"a": NaN}', "NaN is no number"), (b'{"a": -Infinity}', "is no number"), (b'{"a": 1e999}', "not JSON"),
    (b'{"a": ' + b"9" * 5000 + b"}", "5,000 digits"), (b"[" * 200_000, "nests too deep"),
    (b'{"d":' * 700 + b"1" + b"}" * 700, "nests"), (b"\xff\xfe", "is not JSON"), (b"", "is not JSON"),
    (b'{"a": "' + b"x" * (5 << 20) + b'"}', "larger than 4 MiB"), (b"[1]", "JSON object"),
    (b'{"a": "' + b"x" * (3 << 20) + b'"}', "the most"), (b'{"a": "\\ud800"}', "not JSON"),
    (b"null", "JSON object"),
], ids=lambda each: each[:8] if isinstance(each, bytes) else each)
async def test_a_file_that_clients_would_refuse_is_not_published(tmp_path, capsys, text, said):
    file = tmp_path / "policy.json"
    file.write_bytes(text)
    async with company_world(tmp_path / "p") as world:
        assert await ordered(tmp_path / "p", "publish", "policy", str(file)) == 1
        error = capsys.readouterr().err
        assert said in error and len(error) < 600 and "set_int_max_str_digits" not in error
        assert await world.documents() == []


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-1", "0", "1e400", "1" * 5000, "x", ""])
@pytest.mark.parametrize("order", [
    ["ask-logs", "a@b.example", "--hours"], ["publish", "policy", "-", "--valid-days"],
    ["publish", "policy", "-", "--at-least"], ["logs", "--get"]])
def test_what_is_no_number_is_a_sentence(tmp_path, capsys, order, number):
    if number == "0" and order[-1] in ("--at-least", "--get"):
        pytest.skip("a number there")
    with pytest.raises(SystemExit) as ended:
        main(["--profile", str(tmp_path), *order[:-1], f"{order[-1]}={number}"])
    assert ended.value.code == 2 and "it must be a" in capsys.readouterr().err


async def test_the_largest_document_passes(tmp_path, capsys):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"a": "土" * 340_000}, ensure_ascii=False), "utf-8")
    async with company_world(tmp_path / "p") as world:
        assert await ordered(tmp_path / "p", "publish", "policy", str(file)) == 0, capsys.readouterr().err
        assert (await world.documents())[0]["content"]["a"] == "土" * 340_000
