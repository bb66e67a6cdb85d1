"""The launcher's page as HTML. Pure; everything that came from outside is escaped."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from tulou_shell.page import ASSETS


class Account(NamedTuple):
    """One line of the list; `address` is '' before the first sign-in."""

    name: str
    address: str
    running: bool
    unread: int


_ZH = {
    "title": "土楼", "lead": "选择一个帐号", "new": "添加帐号", "open": "打开", "fresh": "新帐号（尚未登录）",
    "running": "运行中", "none": "这台设备上还没有帐号。",
}
_EN = {
    "title": "Tulou", "lead": "Choose an account", "new": "Add an account", "open": "Open",
    "fresh": "New account (not signed in yet)", "running": "Running",
    "none": "There is no account on this device yet.",
}


def render(accounts: list[Account], *, chinese: bool, problem: str = "") -> str:
    """The whole page."""
    words = _ZH if chinese else _EN
    lines = "\n".join(_line(each, words) for each in accounts) or f"<li class=hint>{words['none']}</li>"
    trouble = f'<p class="form-error" role="alert">{escape(problem)}</p>' if problem else ""
    styles = "\n".join(
        f'<link rel="stylesheet" href="{ASSETS}/{name}.css">'
        for name in ("tokens", "base", "layout", "lists", "forms", "door")
    )
    return f"""<!doctype html>
<html lang="{'zh-CN' if chinese else 'en'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{words['title']}</title>
<link rel="icon" type="image/svg+xml" href="{ASSETS}/icon.svg">
<script src="{ASSETS}/boot.js"></script>
{styles}
</head>
<body>
<main class="door">
<img src="{ASSETS}/icon.svg" alt="" width="48" height="48">
<h1>{words['lead']}</h1>
{trouble}
<ul class="accounts">
{lines}
</ul>
<form method="post" action="/open" target="_blank">
<button class="button primary wide">{words['new']}</button>
</form>
</main>
</body>
</html>
"""


def _line(account: Account, words: dict[str, str]) -> str:
    shown = escape(account.address or words["fresh"])
    state = f'<span class="item-preview">{words["running"]}</span>' if account.running else ""
    badge = f'<span class="badge">{min(account.unread, 99)}</span>' if account.unread else ""
    return (
        f'<li><form method="post" action="/open" target="_blank">'
        f'<span class="grow ellipsis">{shown}</span>{state}{badge}'
        f'<button class="button" name="account" value="{escape(account.name)}">{words["open"]}</button>'
        "</form></li>"
    )
