"""The index page and the headers it goes out with. Pure.

Content Security Policy: everything from this origin, no inline script but the import map (named by
its hash), no inline style, and no string may become markup or code (`require-trusted-types-for`),
so a message cannot turn into anything but text even where a page's code is careless.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape

ASSETS = "/plugins/tulou_shell"
STYLES = (
    "tokens.css", "base.css", "layout.css", "lists.css", "chat.css", "composer.css", "forms.css",
    "entrance.css", "cards.css", "page-parts.css", "tabs.css", "pages.css",
)
VIEWPORT = "width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"
IMPORT_MAP = {
    "imports": {
        "tulou/dom": f"{ASSETS}/dom.js",
        "tulou/texts": f"{ASSETS}/texts.js",
        "tulou/linkify": f"{ASSETS}/linkify.js",
        "tulou/format": f"{ASSETS}/format.js",
    }
}
"""What a plugin's module may import by name; see docs of the contract `tulou_contracts.ui`."""


def index(language: str = "") -> str:
    """The one page of the app. `language` is what the composition prefers, '' for the browser's."""
    styles = "\n".join(f'<link rel="stylesheet" href="{ASSETS}/{name}">' for name in STYLES)
    return f"""<!doctype html>
<html lang="{escape(language or 'en')}" data-preferred-language="{escape(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="{VIEWPORT}">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>Tulou</title>
<link rel="icon" type="image/svg+xml" href="{ASSETS}/icon.svg">
<script src="{ASSETS}/boot.js"></script>
{styles}
<script type="importmap">{_import_map()}</script>
<script type="module" src="{ASSETS}/app.js"></script>
</head>
<body>
<tulou-app></tulou-app>
<noscript>Tulou needs JavaScript. / 土楼需要 JavaScript。</noscript>
</body>
</html>
"""


def refusal() -> str:
    """What a browser without a session sees, whatever it asked for."""
    return f"""<!doctype html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tulou</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{ASSETS}/tokens.css">
<link rel="stylesheet" href="{ASSETS}/base.css">
<link rel="stylesheet" href="{ASSETS}/door.css">
</head>
<body>
<main class="door">
<h1>需要新的入口链接</h1>
<p>这个浏览器还没有获得许可，或者链接已经用过。入口链接只能使用一次。</p>
<p>请在运行 Tulou 的终端里按回车键，或运行 <code>tulou link</code>，然后打开新的链接。</p>
<hr>
<h1 lang="en">A new entry link is needed</h1>
<p lang="en">This browser has not been let in yet, or the link was used before. Entry links work once.</p>
<p lang="en">Press Enter in the terminal where Tulou runs, or run <code>tulou link</code>,
and open the new link.</p>
</main>
</body>
</html>
"""


def passage() -> str:
    """Leads on to the clean address when the browser came from a foreign page: a SameSite=Strict
    cookie does not travel on a redirect that such a page began, but does on a navigation of ours."""
    return (
        '<!doctype html><meta charset="utf-8"><title>Tulou</title>'
        '<meta http-equiv="refresh" content="0;url=/"><a href="/">Tulou</a>'
    )


def headers(port: int, form_action: str = "'none'") -> dict[str, str]:
    """Sent with every response of the site; `form_action` says where its forms may lead."""
    digest = hashlib.sha256(_import_map().encode()).digest()
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{base64.b64encode(digest).decode()}'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "media-src": "'self' blob:",
        "connect-src": f"'self' ws://127.0.0.1:{port}",
        "form-action": form_action,
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def _import_map() -> str:
    return json.dumps(IMPORT_MAP)
