"""Conversations in a file: everything in order, harmless whatever people wrote, and large ones too."""

import json
import re
from datetime import timezone
from html.parser import HTMLParser

import pytest
import trio
from tulou_contracts.messaging import Conversation, Message, MessageState
from tulou_im import export as module
from tulou_im.export import Html, Json, export
from tulou_im.export_command import main
from tulou_im.schema import MIGRATIONS

from tulou_contracts.testing.messaging import LIN, WANG

HOSTILE = '<script>alert(1)</script> & "quoted" \'x\' </p></section> \x00\x1b[31m \ud800 塔楼\n第二行'


class Kept:
    """A messenger with what it was given."""

    def __init__(self, **conversations):
        self.kept = {}
        self.largest = 0
        for name, bodies in conversations.items():
            address = f"{name}@example.org"
            self.kept[address] = [
                Message(id=f"{name}-{number}", conversation=address, sender=address if number % 2 else LIN,
                        body=body, at=1_767_225_600_000_000 + number * 3_600_000_000, position=number * 10,
                        state=MessageState.RECEIVED if number % 2 else MessageState.READ,
                        outgoing=not number % 2)
                for number, body in enumerate(bodies, 1)]

    async def conversations(self, limit=100):
        found = [Conversation(id=each, title=each.split("@")[0], last=None, unread=0) for each in self.kept]
        return found[:limit]

    async def history(self, conversation, *, before=None, limit=50):
        found = [m for m in self.kept[conversation] if before is None or m.position < before][-limit:]
        self.largest = max(self.largest, len(found))
        return found

    async def since(self, cursor, limit=200):
        every = [message for messages in self.kept.values() for message in messages]
        return every[cursor:cursor + limit], cursor + limit


async def exported(messenger, writer, only=""):
    pieces = []
    count = await export(messenger, writer, pieces.append, account=LIN, only=only)
    return "".join(pieces), count


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


async def test_html_is_whole_escaped_and_loads_nothing():
    page, count = await exported(Kept(wang=["你好", HOSTILE], mei=["x" * 5000]), Html(timezone.utc))
    tags = Tags(page)
    assert tags.open == [] and count == 3
    assert set(tags.tags) <= {"html", "head", "meta", "title", "style", "body", "h1", "section", "h2", "h3",
                              "small", "p", "time"}
    assert "<script" not in page and "default-src 'none'" in page and 'name="viewport"' in page
    assert not re.search(r"(src|href|url)\s*[=(]", page)
    assert any("<script>alert(1)</script> & \"quoted\"" in text and "第二行" in text for text in tags.texts)
    assert "\x00" not in page and "\x1b" not in page
    page.encode()
    assert page.index("你好") < page.index("alert(1)")
    assert 'datetime="2026-01-01T01:00:00+00:00">01:00<' in page and "<h3>2026-01-01</h3>" in page


async def test_json_says_the_same_to_programs():
    text, count = await exported(Kept(wang=["你好", HOSTILE], mei=[], li=["a"]), Json())
    table = json.loads(text)
    assert table["account"] == LIN and count == 3
    assert [each["title"] for each in table["conversations"]] == ["wang", "mei", "li"]
    first, second = table["conversations"][0]["messages"]
    assert first["body"] == "你好" and first["outgoing"] is False
    assert second["body"] == HOSTILE.replace("\ud800", "?") and second["state"] == "read"


async def test_only_one_conversation():
    text, count = await exported(Kept(wang=["a"], mei=["b", "c"]), Json(), "mei@example.org")
    assert count == 2 and [each["title"] for each in json.loads(text)["conversations"]] == ["mei"]


async def test_pages_follow_each_other_and_no_conversation_is_forgotten(monkeypatch):
    monkeypatch.setattr(module, "PAGE", 3)
    for count in range(12):
        messenger = Kept(**{f"u{number}": [str(each) for each in range(count)] for number in range(5)})
        text, total = await exported(messenger, Json())
        table = json.loads(text)
        assert messenger.largest <= 3
        bodies = [str(each) for each in range(count)]
        if count:
            assert total == 5 * count and len(table["conversations"]) == 5
        assert all([m["body"] for m in each["messages"]] == bodies for each in table["conversations"])


ROW = "INSERT INTO im_message VALUES (?, ?, ?, ?, ?, 'text', '{}', ?, 'received', '', NULL, ?, 0)"


async def filled(folder, count):
    store = pytest.importorskip("tulou_store.service").Store(folder / "store")
    async with store.running():
        database = await store.database("im", MIGRATIONS)

        def fill(tx):
            tx.execute("INSERT INTO im_conversation VALUES (1, ?, '王', 1, 0, 0)", (WANG,))
            tx.execute_many(ROW, [(1, number * 10, f"id{number}", WANG, f"第 {number} 条", number, number)
                                  for number in range(1, count + 1)])

        await database.write(fill)


async def run_command(*arguments):
    return await trio.to_thread.run_sync(main, [str(each) for each in arguments])


@pytest.mark.slow
async def test_a_hundred_thousand_messages(tmp_path, capsys):
    (tmp_path / "profile" / "store").mkdir(parents=True)
    await filled(tmp_path / "profile", 100_000)
    assert await run_command(tmp_path / "profile", tmp_path / "out.html") == 0
    assert "100000 messages" in capsys.readouterr().out
    page = (tmp_path / "out.html").read_text("utf-8")
    assert page.count("<p") == 100_000 and page.rstrip().endswith("</html>")
    assert page.index("第 1 条") < page.index("第 99999 条")


async def test_the_command(tmp_path, capsys):
    profile = tmp_path / "profile"
    (profile / "store").mkdir(parents=True)
    await filled(profile, 5)
    out = tmp_path / "out.json"
    assert await run_command(profile, out, "--format", "json", "--conversation", WANG) == 0
    assert len(json.loads(out.read_text("utf-8"))["conversations"][0]["messages"]) == 5
    assert out.stat().st_mode & 0o077 == 0
    for arguments in ([profile, out], [tmp_path / "no", tmp_path / "x"],
                      [profile, tmp_path / "x", "--conversation", "nobody@example.org"],
                      [profile, tmp_path / "no" / "x"]):
        capsys.readouterr()
        assert await run_command(*arguments) == 1
        assert capsys.readouterr().err.startswith("tulou: ")
    assert not list(tmp_path.glob("x*"))
