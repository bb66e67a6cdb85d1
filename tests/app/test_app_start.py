"""Starting and stopping the app as a program: taken things, links, crashes, the launcher."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import trio

from tulou import Composition, Kernel
from tulou_contracts.crypto import Keyring
from tulou_shell.demo import SECRET, NotADemo, reset

LINK = re.compile(r"http://127\.0\.0\.1:\d+/enter\?code=\S+")


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )


def demo_program(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return program("-m", "tulou_shell.demo", "--data", str(folder), "--no-browser", *arguments)


def ask(link: str, cookie: str = "", body: dict[str, str] | None = None, origin: str = "") -> Any:
    host, _, path = link.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    headers = {"Cookie": cookie, **({"Origin": origin} if origin else {})}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request("GET" if body is None else "POST", "/" + path, urlencode(body or {}), headers)
    response = connection.getresponse()
    response.text = response.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return response


def test_a_second_demo_on_the_same_folder_ends_with_a_sentence(demo: Callable[..., Any]) -> None:
    running = demo()
    running.links()
    second = demo_program(running.folder)
    assert second.returncode == 1
    assert "in use by" in second.stderr and "Traceback" not in second.stderr
    links = demo_program(running.folder, "--links")
    assert links.returncode == 0
    first, other = LINK.findall(links.stdout)
    assert ask(first).status == 303 and ask(first).status == 401
    assert ask(other).status == 303
    assert demo_program(running.folder, "--reset").returncode == 1
    assert running.stop(signal.SIGTERM) == 0
    assert demo_program(running.folder, "--links").returncode == 1


def test_a_taken_server_port_ends_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        ended = demo_program(tmp_path, "--server-port", str(port))
    assert ended.returncode == 1
    assert f"port {port}" in ended.stderr and "Traceback" not in ended.stderr


async def password_of(profile: Path) -> bytes:
    kernel = Kernel(Composition.of("crypto", crypto={"keyring": "file"}), profile=profile)
    async with kernel.running():
        secret = await kernel.service(Keyring).get(SECRET)
        assert secret is not None
        return secret.encode()


def test_passwords_are_in_no_file_and_a_killed_demo_starts_again(demo: Callable[..., Any]) -> None:
    running = demo()
    ports = [link.split("/enter")[0] for link in running.links()]
    running.process.kill()
    running.process.wait(10)
    again = demo()
    assert [link.split("/enter")[0] for link in again.links()] == ports
    assert again.stop(signal.SIGINT) == 0
    for name in ("anna", "bowen"):
        secret = trio.run(password_of, again.folder / name)
        for file in again.folder.rglob("*"):
            assert not file.is_file() or secret not in file.read_bytes(), file
    if os.name == "posix":
        assert all(each.stat().st_mode & 0o077 == 0 for each in again.folder.rglob("shell.json"))


def test_reset_removes_a_demo_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    for name in ("server", "anna", "bowen"):
        (folder / name).mkdir(parents=True)
    reset(folder)
    assert list(folder.iterdir()) == []
    reset(tmp_path / "never was")
    (folder / "anna").mkdir()
    (folder / "thesis.odt").write_text("years of work")
    with pytest.raises(NotADemo, match="thesis.odt"):
        reset(folder)
    assert (folder / "anna").is_dir() and (folder / "thesis.odt").exists()


@pytest.mark.parametrize("name", ["office", "chat-only", "headless", "demo"])
def test_shipped_compositions_are_in_order(name: str, tmp_path: Path) -> None:
    composition = Composition.load(name)
    Kernel(composition, profile=tmp_path)
    assert composition.essential <= set(composition.plugins)
    assert ("shell" in composition.plugins) == (name != "headless")


def test_the_launcher_opens_accounts_in_kernels_of_their_own(tmp_path: Path) -> None:
    code = "import sys; from tulou_shell.launcher import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["-c", code, "chat-only", "--data", str(tmp_path), "--no-browser"]
    launcher = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert launcher.stdout is not None
        found = LINK.search(launcher.stdout.readline())
        assert found is not None
        base = found[0].split("/enter")[0]
        cookie = ask(found[0]).headers["set-cookie"].split(";")[0]
        assert "no account" in ask(base + "/", cookie).text
        assert ask(base + "/open", cookie, {}, origin="http://evil.example").status == 403
        assert ask(base + "/open", "", {}, origin=base).status == 401
        accounts = [ask(base + "/open", cookie, {}, origin=base) for _ in range(2)]
        links = [each.headers["location"] for each in accounts]
        assert len({link.split("/enter")[0] for link in [*links, base]}) == 3
        assert all(ask(link).status == 303 for link in links)
        page = ask(base + "/", cookie).text
        assert page.count('value="account-') == 2 and page.count("Running") == 2
        for wrong in ("../../etc", "account-1/..", "account-x"):
            assert ask(base + "/open", cookie, {"account": wrong}, origin=base).status == 400
        again = ask(base + "/open", cookie, {"account": "account-1"}, origin=base)
        assert again.headers["location"].split("/enter")[0] == links[0].split("/enter")[0]
        second = program(*arguments)
        assert second.returncode == 0 and ask(LINK.findall(second.stdout)[0]).status == 303
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(30) == 0
    finally:
        if launcher.poll() is None:
            launcher.kill()


def test_both_people_of_the_demo_get_the_plugins_of_a_file(demo: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[plugins.server.config]\nport = 0\nannounce = true\n")
    running = demo("--with", str(file))
    running.links()
    assert "".join(running.lines).count("Chat server for tulou.localhost at ws://") == 2
    assert running.stop(signal.SIGTERM) == 0


def test_a_demo_of_its_own_announces_no_server_and_an_unknown_plugin_ends_it(
    demo: Callable[..., Any], tmp_path: Path
) -> None:
    running = demo()
    running.links()
    assert "Chat server" not in "".join(running.lines)
    ended = demo_program(tmp_path / "other", "--with", "no-such-plugin")
    assert ended.returncode == 1
    assert "there is no plugin 'no-such-plugin'" in ended.stderr and "Traceback" not in ended.stderr
