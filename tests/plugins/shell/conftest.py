"""A real browser in front of the real shell, with a room in memory behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shell_fakes import App, Room, nothing


LOST = re.compile(
    r"WebSocket connection to 'ws://127\.0\.0\.1:\d+/socket' failed"
    r"|Failed to load resource: (net::ERR_(CONNECTION|SOCKET)_[A-Z_]+|net::ERR_EMPTY_RESPONSE"
    r"|the server responded with a status of 503 )"
)
"""What the browser itself says of an app that stops, whatever the page does about it."""


@pytest.fixture
def apps() -> list[App]:
    """The apps of the test."""
    return []


@pytest.fixture
def start(tmp_path: Path, apps: list[App]) -> Iterator[Callable[..., App]]:
    """Start an app; several in one test get profiles of their own."""

    def go(fill: Callable[[Room], None] = nothing, **options: Any) -> App:
        profile = options.pop("profile", tmp_path / f"profile{len(apps)}")
        apps.append(App(profile, fill, **options).start())
        return apps[-1]

    yield go
    for each in apps:
        each.stop()


@pytest.fixture
def visit(chromium: Any, start: Any, apps: list[App]) -> Iterator[Callable[..., Any]]:
    """Open a page that has been let in; whatever its console complains of fails the test."""
    contexts = []
    complaints: list[str] = []

    def go(app: App, path: str = "/", *, width: int = 1280, height: int = 800, language: str = "zh-CN",
           context: Any = None, link: str = "", **options: Any) -> Any:
        if context is None:
            context = chromium.new_context(
                viewport={"width": width, "height": height}, locale=language, **options)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda each: complaints.append(each.text) if each.type == "error" else None)
        page.goto(link or app.entry())
        page.wait_for_selector("tulou-sign-in, .frame")
        if path != "/":
            page.goto(app.url + path)
        page.complaints = complaints
        return page

    yield go
    for each in contexts:
        each.close()
    # a lost connection is the subject of some tests; in the others nothing may fail
    lost = any(each.stopped for each in apps)
    unexpected = [each for each in complaints if "on purpose" not in each]
    assert [each for each in unexpected if not (lost and LOST.match(each))] == []
