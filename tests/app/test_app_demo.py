"""Two people talk through everything: page, shell, im, xmpp, net, server, and back."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def person(browser: Any, link: str) -> Any:
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(link)
    page.wait_for_selector("tulou-conversation-list")
    return page


def chat_with(page: Any, name: str) -> None:
    page.click(".rail-tab[data-tab=contacts]")
    page.click(f".item:has-text('{name}')")
    page.click("tulou-contact .button.primary")
    page.wait_for_selector("tulou-composer textarea")


def say(page: Any, text: str) -> None:
    page.fill("tulou-composer textarea", text)
    page.press("tulou-composer textarea", "Enter")


def bubble(page: Any, text: str) -> Any:
    return page.locator(".row-message .bubble", has_text=text)


def test_two_people_chat_and_history_survives_a_restart(chromium: Any, demo: Callable[..., Any]) -> None:
    running = demo()
    links = running.links()
    anna, bowen = (person(chromium, link) for link in links)
    chat_with(anna, "博文")
    say(anna, "你好，博文！<b>不是粗体</b>")
    bowen.click(".rail-tab[data-tab=chats]")
    bowen.wait_for_selector(".badge:has-text('1')")
    assert bowen.title().startswith("(1)")
    bowen.click(".item:has-text('安娜')")
    bubble(bowen, "你好，博文！<b>不是粗体</b>").wait_for()
    anna.wait_for_selector(".row-message[data-state=read]")
    say(bowen, "你好，安娜")
    bubble(anna, "你好，安娜").wait_for()
    assert running.stop(signal.SIGTERM) == 0
    anna.wait_for_selector(".bar-warn")

    again = demo()
    # a browser that was let in once is known, at the same address, after a restart
    assert [link.split("/enter")[0] for link in again.links()] == [link.split("/enter")[0] for link in links]
    bowen.reload()
    bubble(bowen, "你好，博文").wait_for()
    anna.wait_for_selector(".bar", state="detached")
    say(bowen, "又见面了")
    bubble(anna, "又见面了").wait_for()
    assert again.stop(signal.SIGINT) == 0


def test_fresh_links_while_it_runs(chromium: Any, demo: Callable[..., Any]) -> None:
    running = demo()
    first = running.links()
    running.process.stdin.write("\n")
    running.process.stdin.flush()
    fresh = running.links(count=4)
    assert not set(first) & set(fresh)
    assert person(chromium, fresh[0]).url == fresh[0].split("/enter")[0] + "/"
