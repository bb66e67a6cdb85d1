"""A real browser in front of the real shell, with a room in memory behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shell_fakes import App, Room, nothing


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Start an app; several in one test get profiles of their own."""
    apps: list[App] = []

    def go(fill: Callable[[Room], None] = nothing, **options: Any) -> App:
        apps.append(App(tmp_path / f"profile{len(apps)}", fill, **options).start())
        return apps[-1]

    yield go
    for each in apps:
        each.stop()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open a page that has been let in; whatever its console complains of fails the test."""
    contexts = []
    complaints: list[str] = []

    def go(app: App, path: str = "/", *, width: int = 1280, height: int = 800, language: str = "zh-CN",
           context: Any = None, **options: Any) -> Any:
        if context is None:
            context = chromium.new_context(
                viewport={"width": width, "height": height}, locale=language, **options)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda each: complaints.append(each.text) if each.type == "error" else None)
        page.goto(app.entry())
        page.wait_for_selector("tulou-sign-in, .frame")
        if path != "/":
            page.goto(app.url + path)
        page.complaints = complaints
        return page

    yield go
    for each in contexts:
        each.close()
    # a lost connection is the subject of some tests and is told by the browser as an error
    unexpected = [each for each in complaints if "WebSocket" not in each and "ERR_CONNECTION" not in each]
    assert unexpected == []
