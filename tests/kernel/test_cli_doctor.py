"""`tulou doctor`: what it finds, and that it never falls over what it examines."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from cli_site import Site


def findings(site: Site, *arguments: str) -> list[dict[str, str]]:
    ended = site.main("doctor", "--json", *arguments)
    found: list[dict[str, str]] = json.loads(ended.out)
    assert ended.status == (1 if any(each["verdict"] == "fault" for each in found) else 0)
    return found


def troubles(site: Site, *arguments: str) -> str:
    return "\n".join(f"{each['verdict']} {each['subject']}: {each['text']}"
                     for each in findings(site, *arguments) if each["verdict"] != "ok")


def test_a_sound_installation(site: Site) -> None:
    site.plugin("spring")
    assert troubles(site) == ""
    out = site.main("doctor").out
    for part in ("python", "tulou-spring", "plugin index", "1 installed: spring", "127.0.0.1 port"):
        assert part in out
    assert site.command("doctor").status == 0


def test_requirements_that_are_missing_or_out_of_range(site: Site) -> None:
    site.plugin("spring", requires=["tulou >= 99", "no-such-thing >= 1", "trio >= 0.20",
                                    "x; python_version < '3'", "not a requirement !!"])
    found = troubles(site)
    assert "fault tulou-spring: 1.0 requires tulou>=99, but 0." in found
    assert "requires no-such-thing>=1, which is not installed; install it" in found
    assert "cannot be read: 'not a requirement !!'" in found
    assert "trio" not in found and " x" not in found


def test_broken_and_duplicate_plugins(site: Site) -> None:
    site.plugin("spring")
    site.write("other_spring.py", "from tulou_spring import plugin")
    site.distribution("a-spring", plugins={"spring": "other_spring:plugin"})
    site.write("tulou_broken.py", "import no_such_library")
    site.distribution("tulou-broken", plugins={"broken": "tulou_broken:plugin"})
    found = troubles(site)
    assert found.count("two distributions install a plugin 'spring'") == 1
    assert found.count("plugin 'broken' of tulou-broken 1.0 is broken") == 1


def test_damaged_records(site: Site) -> None:
    (site.folder / "wreck-1.0.dist-info").mkdir()
    site.write("nameless-1.0.dist-info/METADATA", "")
    found = troubles(site)
    assert "wreck-1.0.dist-info has no name in its metadata; remove the folder or reinstall it" in found
    assert "nameless-1.0.dist-info has no name" in found


def test_two_versions_of_one_plugin_distribution(site: Site) -> None:
    site.plugin("spring", version="1.0")
    site.plugin("spring", version="2.0")
    assert "tulou-spring is there twice" in troubles(site)


def test_the_state_of_the_index(site: Site) -> None:
    def text() -> str:
        return next(each["text"] for each in findings(site) if each["subject"] == "plugin index")

    assert "not there yet" in text()
    site.main("plugins", "list")
    assert text().endswith(": valid")
    site.distribution("more", plugins={})
    assert "stale" in text()


def test_folders_that_cannot_be_used(site: Site, monkeypatch: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("TULOU_DATA", str(file / "data"))
    monkeypatch.setenv("TULOU_CACHE", str(file / "cache"))
    found = troubles(site, "--profile", str(file))
    assert f"fault profiles: {file / 'data'} cannot be a folder: {file} is a file" in found
    assert "warning plugin index" in found and "set TULOU_CACHE to another folder" in found
    assert "fault profile: " in found


def test_little_room_is_a_warning(site: Site, monkeypatch: Any) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    assert "warning profiles" in troubles(site) and "make room" in troubles(site)


def test_a_loopback_that_does_not_work(site: Site, monkeypatch: Any) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "create_server", refused)
    assert "fault loopback: 127.0.0.1 cannot be used: Operation not permitted" in troubles(site)


@pytest.mark.parametrize(("exempt", "warned"), [("", True), ("localhost,127.0.0.1", False), ("*", False)])
def test_a_proxy_that_would_swallow_the_apps_own_pages(
    site: Site, monkeypatch: Any, exempt: str, warned: bool,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", exempt)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert ("http_proxy is set" in troubles(site)) is warned


def test_an_examination_that_fails_is_a_finding(site: Site, monkeypatch: Any) -> None:
    from tulou import discovery

    def falls_over() -> Any:
        raise RuntimeError("oh")

    monkeypatch.setattr(discovery, "scan", falls_over)
    assert "could not be examined: RuntimeError: oh" in troubles(site)
