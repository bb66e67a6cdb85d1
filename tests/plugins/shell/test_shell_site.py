"""The door as a stranger finds it: plain HTTP against the real host."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell_fakes import App, running

from tulou.errors import PluginFailed
from tulou_shell.link import NotRunning, entry_link


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with running(App(tmp_path / "profile")) as app:
        yield app


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read().decode("utf-8", "replace")


def ask(url: str, path: str = "", method: str = "GET", **headers: str) -> Answer:
    host = url.split("//")[1].split("/")[0]
    connection = http.client.HTTPConnection(host, timeout=10)
    path = path or "/" + url.split("//")[1].partition("/")[2]
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


def let_in(app: App) -> str:
    """A cookie."""
    answer = ask(app.entry())
    assert answer.status == 303
    return str(answer.headers["set-cookie"]).split(";")[0]


def upgrade(url: str, **headers: str) -> int:
    return ask(url, "/socket", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Version="13",
               Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==", **headers).status


def test_a_code_opens_once_and_leads_to_the_clean_address(app: App) -> None:
    link = app.entry()
    first = ask(link)
    assert (first.status, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"]
    assert all(each in cookie for each in ("HttpOnly", "SameSite=Strict", "Path=/", f"tulou-{app.url[-5:]}="))
    assert ask(link).status == 401
    assert ask(app.url, "/", Cookie=cookie.split(";")[0]).status == 200
    # who is in already and opens an old link simply gets on
    assert ask(link, Cookie=cookie.split(";")[0]).status == 303


def test_without_a_session_there_is_only_the_way_to_get_one(app: App) -> None:
    for path in ("/", "/socket", "/plugins/tulou_shell/app.js", "/enter", "/enter?code=x", "/nothing"):
        answer = ask(app.url, path)
        assert answer.status == 401, path
        assert "入口链接" in answer.body and "entry link" in answer.body
        assert "set-cookie" not in answer.headers
    assert ask(app.url, "/", Cookie="tulou-1=x; tulou=y").status == 401
    assert upgrade(app.url, Origin=app.url) == 401


def test_a_foreign_page_gets_no_socket(app: App) -> None:
    cookie = let_in(app)
    assert upgrade(app.url, Origin=app.url, Cookie=cookie) == 101
    same_machine = app.url.replace("127.0.0.1", "localhost")
    for origin in ("http://evil.example", "http://127.0.0.1:1", "null", same_machine):
        assert upgrade(app.url, Origin=origin, Cookie=cookie) == 403, origin


def test_another_host_name_gets_nothing(app: App) -> None:
    assert ask(app.url, "/", Host="evil.example", Cookie=let_in(app)).status == 421


def test_who_comes_from_a_foreign_page_is_led_on_by_our_own(app: App) -> None:
    answer = ask(app.entry(), Sec_Fetch_Site="cross-site")
    assert answer.status == 200 and "refresh" in answer.body and "set-cookie" in answer.headers


def test_the_policy_names_the_import_map_and_lets_nothing_else_in(app: App) -> None:
    answer = ask(app.url, "/", Cookie=let_in(app))
    policy = answer.headers["content-security-policy"]
    script = re.search(r'<script type="importmap">(.*?)</script>', answer.body, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy and "require-trusted-types-for 'script'" in policy
    assert len(re.findall(r"<script(?! type=\"importmap\"| src=| type=\"module\" src=)", answer.body)) == 0
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_file_of_the_page_is_served_with_its_type(app: App) -> None:
    cookie = let_in(app)
    for file, kind in (("app.js", "javascript"), ("tokens.css", "css"), ("icon.svg", "svg")):
        answer = ask(app.url, f"/plugins/tulou_shell/{file}", Cookie=cookie)
        assert answer.status == 200 and kind in answer.headers["content-type"]
    for path in ("../__init__.py", "%2e%2e/__init__.py", "..%2f__init__.py", "nothing.js"):
        assert ask(app.url, f"/plugins/tulou_shell/{path}", Cookie=cookie).status in (400, 404)


def test_a_browser_is_known_at_the_same_address_after_a_restart(tmp_path: Path) -> None:
    app = App(tmp_path / "profile")
    with running(app):
        url, cookie, unused = app.url, let_in(app), app.entry()
    with running(app):
        assert app.url == url
        assert ask(app.url, "/", Cookie=cookie).status == 200
        assert ask(unused).status == 401


def test_a_taken_port_is_replaced_for_this_run_only(tmp_path: Path) -> None:
    app = App(tmp_path / "profile")
    with running(app):
        url, cookie = app.url, let_in(app)
    with socket.create_server(("127.0.0.1", int(url[-5:]))), running(app):
        assert app.url != url
        assert ask(app.url, "/", Cookie=cookie).status == 401
        assert ask(entry_link(app.profile)).status == 303
    with running(app):
        assert app.url == url and ask(url, "/", Cookie=cookie).status == 200


def test_a_taken_port_of_the_configuration_is_an_error_that_names_it(tmp_path: Path) -> None:
    pytest.importorskip("tulou_net", reason="needs net, which serves pages")
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        app = App(tmp_path / "profile", config={"port": port})
        app.essential = frozenset({"shell"})
        with pytest.raises(BaseException) as caught:
            app.start()
        errors = getattr(caught.value, "exceptions", [caught.value])
        assert isinstance(errors[0], PluginFailed) and f"port {port}" in str(errors[0])


def test_a_link_from_another_process_lets_one_browser_in(app: App) -> None:
    link = entry_link(app.profile)
    assert ask(link).status == 303
    assert ask(link).status == 401


def test_a_link_to_what_does_not_run_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="start it first"):
        entry_link(tmp_path)
    app = App(tmp_path / "profile")
    with running(app):
        pass
    with pytest.raises(NotRunning):
        entry_link(app.profile)
