"""Addresses from outside: handed over to the app that runs, by who may write into its profile only."""

from __future__ import annotations

import http.client
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shell_fakes import BO, ME, furnished, until
from tulou_contracts.routing import Origin, Outcome, PageIntent, Presenter, Router

from tulou_shell import scheme
from tulou_shell.door import digest
from tulou_shell.handover import FOLDER, LIFE, Refused, hand_over, is_address
from tulou_shell.launcher import main
from tulou_shell.link import NotRunning
from tulou_shell.remembered import Remembered

CHAT = f"tulou://chat/{BO}"


def ask(app: Any, query: str) -> tuple[int, str]:
    port = int(app.url.rsplit(":", 1)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", f"/handover{query}")
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_without_an_open_page_the_answer_is_a_way_in(start: Any) -> None:
    app = start(furnished)
    link = hand_over(app.profile / "shell", CHAT).link
    assert link.startswith(f"{app.url}/enter?code=")
    assert list((app.profile / "shell" / FOLDER).iterdir()) == []


def test_what_is_not_for_outside_is_refused_in_words(start: Any) -> None:
    app = start(furnished)
    for url in ("tulou://settings", "tulou://nowhere", "javascript:alert(1)", "tulou://chat/\n", "x" * 9000):
        with pytest.raises(Refused) as refusal:
            hand_over(app.profile / "shell", url)
        assert str(refusal.value).endswith(".")
    with pytest.raises(Refused, match="lin@other.example"):
        hand_over(app.profile / "shell", CHAT, "lin@other.example")
    assert hand_over(app.profile / "shell", CHAT, ME).link


@pytest.mark.parametrize("query", [
    "", "?ticket=", "?ticket=abc", "?ticket=../../shell.json", "?ticket=" + "x" * 3000,
])
def test_without_a_ticket_nothing_is_handed_over(start: Any, query: str) -> None:
    app = start(furnished)
    assert ask(app, query)[0] == 404


def test_a_ticket_is_good_once_and_for_a_while_and_harmless_when_damaged(start: Any) -> None:
    app = start(furnished)
    folder = app.profile / "shell" / FOLDER
    folder.mkdir()

    def ticket(secret: str, text: str, age: float = 0.0) -> str:
        path = folder / digest(secret)
        path.write_text(text)
        os.utime(path, (time.time() - age,) * 2)
        return f"?ticket={secret}"

    good = json.dumps({"url": CHAT, "account": ""})
    assert ask(app, ticket("one", good))[0] == 200
    assert ask(app, "?ticket=one")[0] == 404
    assert ask(app, ticket("old", good, LIFE + 5))[0] == 404
    for text in ("", "{", "[]", '{"url": 1}', "\x00" * 100, good[:-1], json.dumps({"url": "a" * 99999})):
        assert ask(app, ticket("damaged", text))[0] == 404


def test_nobody_there_is_told(tmp_path: Path, start: Any) -> None:
    with pytest.raises(NotRunning):
        hand_over(tmp_path / "nobody", CHAT)
    app = start(furnished)
    app.stop()
    with pytest.raises(NotRunning):
        hand_over(app.profile / "shell", CHAT)


def test_the_command_hands_over_to_a_profile(start: Any, capsys: Any, tmp_path: Path) -> None:
    app = start(furnished)
    assert main([CHAT, "--profile", str(app.profile), "--no-browser"]) == 0
    assert f"{app.url}/enter?code=" in capsys.readouterr().out
    assert main(["tulou://settings", "--profile", str(app.profile), "--no-browser"]) == 1
    assert "outside" in capsys.readouterr().err
    assert main([CHAT, "--profile", str(tmp_path / "other"), "--no-browser"]) == 1
    assert "not running" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([CHAT, "tulou://contacts"])


@pytest.mark.parametrize("address", [
    "tulou://chat/" + "a" * 100_000, "tulou:" + "/土" * 5_000, "x:" + "y" * 5_000])
def test_an_address_that_is_too_long_is_told_without_it(tmp_path: Path, capsys: Any, address: str) -> None:
    for more in ([], ["--profile", str(tmp_path)]):
        with pytest.raises(SystemExit):
            main([address, *more, "--no-browser", "--data", str(tmp_path)])
        said = capsys.readouterr().err
        assert f"at most 4,096 characters, and this one has {len(address):,}" in said
        assert address[:90] not in said
    assert list(tmp_path.iterdir()) == []


def test_an_address_of_ours_is_never_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tulou:chats").touch()
    Path("c:app.toml").touch()
    assert is_address("tulou:chats") and is_address("TULOU://chats") and is_address("https://x.example/")
    assert not is_address("c:app.toml") and not is_address("office")


@pytest.mark.browser
def test_a_page_in_sight_shows_it_and_otherwise_the_one_that_is_opened_for_it(start: Any, visit: Any) -> None:
    app = start(furnished)
    page = visit(app)
    assert hand_over(app.profile / "shell", CHAT).link == ""
    until(page, "location.hash.startsWith('#/chats/bowen')")
    page.goto("about:blank")
    for _ in range(200):
        link = hand_over(app.profile / "shell", "tulou://contact/" + BO).link
        if link:
            break
        page.wait_for_timeout(20)
    page.goto(link)
    until(page, "location.hash.startsWith('#/contacts/bowen')")


class Routing:
    """A router that presents what it is told to."""

    links = ("tulou://", "https://app.acme.example/open/")

    def __init__(self, present: Callable[..., Any]) -> None:
        self.present = present
        self.asked: list[tuple[str, Origin, str]] = []

    async def open(self, url: str, *, origin: Origin = Origin.INSIDE, at: str = "") -> Outcome:
        self.asked.append((url, origin, at))
        intent = PageIntent(page="contacts", parameters={})
        await self.present(intent, at)
        return Outcome(route="x.y", intent=intent)

    def address(self, route: str, parameters: Any = None) -> str: ...  # type: ignore[empty-body]
    def leads(self, url: str, *, origin: Origin = Origin.INSIDE) -> bool: ...  # type: ignore[empty-body]
    def routes(self) -> Any: ...
    def problems(self) -> Any: ...


def routing_plugin(holder: list[Routing]) -> Any:
    from contextlib import asynccontextmanager

    from tulou import Plugin

    @asynccontextmanager
    async def run(ctx: Any) -> Any:
        async def present(intent: PageIntent, at: str) -> None:
            await ctx.wanted(Presenter).require().present(intent, at)

        holder.append(Routing(present))
        ctx.provide(Router, holder[0])
        yield

    return Plugin(name="routing", run=run, provides=(Router,), wants=(Presenter,))


@pytest.mark.browser
def test_links_in_messages_go_through_the_router_as_from_outside(start: Any, visit: Any) -> None:
    holder: list[Routing] = []
    app = start(furnished, plugins=[routing_plugin(holder)])
    web = "https://app.acme.example/open/chat/a@b.example"
    app.call(app.room.add, BO, f"看这里：{CHAT}，还有 {web}。https://elsewhere.example/x")
    page = visit(app, f"/#/chats/{BO.replace('@', '%40')}")
    links = page.locator(".row-message a")
    links.last.wait_for()
    inside = page.locator("a.inside-link")
    assert inside.all_inner_texts() == [CHAT, web]
    inside.first.click()
    until(page, "location.hash === '#/contacts'")
    page.go_back()
    page.locator("a.inside-link").nth(1).click()
    until(page, "location.hash === '#/contacts'")
    assert [each[:2] for each in holder[0].asked] == [(CHAT, Origin.OUTSIDE), (web, Origin.OUTSIDE)]
    assert len({each[2] for each in holder[0].asked}) == 1 and holder[0].asked[0][2]


@pytest.mark.browser
def test_a_link_that_leads_nowhere_says_so_in_passing(start: Any, visit: Any) -> None:
    app = start(furnished)
    app.call(app.room.add, BO, "tulou://settings")
    page = visit(app, f"/#/chats/{BO.replace('@', '%40')}")
    page.click("a.inside-link")
    page.wait_for_selector(".saying:has-text('不允许')")
    if "TULOU_SHOTS" in os.environ:
        page.screenshot(path=f"{os.environ['TULOU_SHOTS']}/saying.png")
    assert "chats" in page.evaluate("location.hash")


# -- the desktop's registration --


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "share/applications/tulou.desktop"


def test_the_scheme_is_installed_told_and_removed(desktop: Path, capsys: Any) -> None:
    assert scheme.main(["status"]) == 1
    assert scheme.main(["install"]) == 0
    text = desktop.read_text("utf-8")
    assert "MimeType=x-scheme-handler/tulou;\n" in text and "Name[zh_CN]=土楼\n" in text
    [command] = [each for each in text.splitlines() if each.startswith("Exec=")]
    assert command.endswith(" open %u") and scheme.main(["status"]) == 0
    assert scheme.main(["install"]) == 0  # again is harmless
    assert scheme.main(["remove"]) == 0 and not desktop.exists()
    assert scheme.main(["remove"]) == 0


def test_a_folder_with_strange_characters_is_one_argument(desktop: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'a "b" $c `d` %e 土楼'
    assert scheme.main(["install", "--data", str(folder)]) == 0
    [line] = [each for each in desktop.read_text("utf-8").splitlines() if each.startswith("Exec=")]
    value = line.removeprefix("Exec=").replace("\\\\", "\\")  # first the escapes of a string, then of Exec
    match = re.fullmatch(r'.* --data "(.*)" %u', value)
    assert match and re.sub(r"\\([\"`$\\])", r"\1", match[1]).replace("%%", "%") == str(folder)


def test_a_folder_that_cannot_be_written_is_told(desktop: Path, capsys: Any) -> None:
    desktop.parent.parent.write_text("a file")
    assert scheme.main(["install"]) == 1
    assert "cannot be written" in capsys.readouterr().err


def demo_of(start: Callable[..., Any], tmp_path: Path) -> dict[str, Any]:
    """What `tulou demo` leaves in its folder: two people's profiles, both running."""
    apps = {}
    for name, address in (("anna", ME), ("bowen", BO)):
        app = apps[name] = start(furnished, profile=tmp_path / "demo" / name)
        remembered = Remembered(app.profile / "shell")
        remembered.account = address
        remembered.save()
    (tmp_path / "demo" / "server").mkdir()
    return apps


def test_an_address_finds_a_demo_that_runs(start: Any, capsys: Any, tmp_path: Path) -> None:
    apps = demo_of(start, tmp_path)
    for data in (tmp_path, tmp_path / "demo"):
        assert main(["tulou://contacts", "--data", str(data), "--no-browser"]) == 0
        assert capsys.readouterr().out.split("/enter?")[0] in {f"Tulou: {each.url}" for each in apps.values()}
        assert main(["tulou://contacts", "--account", ME, "--data", str(data), "--no-browser"]) == 0
        assert capsys.readouterr().out.startswith(f"Tulou: {apps['anna'].url}/enter?")
        assert main(["tulou://nowhere/北京", "--data", str(data), "--no-browser"]) == 1
        told = capsys.readouterr()
        assert "leads nowhere" in told.err and told.out == ""


def test_no_accounts_are_made_in_a_demos_folder(start: Any, capsys: Any, tmp_path: Path) -> None:
    for app in demo_of(start, tmp_path).values():
        app.stop()
    assert main(["tulou://contacts", "--data", str(tmp_path / "demo"), "--no-browser"]) == 1
    assert "`tulou demo` starts it" in capsys.readouterr().err
    assert {each.name for each in (tmp_path / "demo").iterdir()} == {"anna", "bowen", "server"}
