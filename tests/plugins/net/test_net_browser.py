"""A real browser at the gate: our own page gets in, a foreign page does not."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from tulou_net.host import LoopbackHost

from tulou_contracts.network import Request, Response
from tulou_contracts.testing.network.peers import echo, tell

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium installed"),
]

PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
const target = "%(target)s", said = {};
async function attempt(name, action) {
  try { said[name] = await action(); } catch (error) { said[name] = "failed"; }
}
const socket = () => new Promise((done, fail) => {
  const it = new WebSocket(target.replace("http", "ws") + "/echo");
  it.onopen = () => it.send("你好");
  it.onmessage = (event) => { done(event.data); it.close(); };
  it.onerror = fail;
});
await attempt("post", async () => (await fetch(target + "/tell", {method: "POST", body: "写"})).status);
await attempt("simple", async () => {
  await fetch(target + "/tell", {method: "POST", body: "写", mode: "no-cors"}); return "sent";
});
await attempt("beacon", async () => navigator.sendBeacon(target + "/beacon", "写"));
await attempt("get", async () => (await fetch(target + "/tell")).status);
await attempt("socket", socket);
await fetch("/said", {method: "POST", body: JSON.stringify(said)});
</script>"""


async def visit(url: str, folder: Path) -> None:
    """Open the page in a browser of its own until cancelled."""
    assert CHROMIUM is not None
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
        f"--user-data-dir={folder}", "--remote-debugging-port=0", url,
    ]
    await trio.run_process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("foreign", [False, True], ids=["own page", "foreign page"])
async def test_what_a_page_may_do(host: LoopbackHost, tmp_path: Path, foreign: bool) -> None:
    said: dict[str, Any] = {}
    changed: list[str] = []
    done = trio.Event()

    async def report(request: Request) -> Response:
        said.update(json.loads(request.body))
        done.set()
        return Response()

    async def change(request: Request) -> Response:
        changed.append(f"{request.path} {request.body.decode()}")
        return Response()

    async def page(target: str, request: Request) -> Response:
        return Response(body=PAGE % {"target": target}, content_type="text/html; charset=utf-8")

    with trio.fail_after(60):
        async with host.serve() as site, host.serve() as other:
            site.route("GET", "/tell", tell)
            site.route("POST", "/tell", change)
            site.route("POST", "/beacon", change)
            site.socket("/echo", echo)
            start = other if foreign else site
            start.route("GET", "/", partial(page, site.url))
            start.route("POST", "/said", report)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(visit, start.url + "/", tmp_path)
                await done.wait()
                nursery.cancel_scope.cancel()
    if foreign:
        assert changed == []
        assert (said["post"], said["get"], said["socket"]) == ("failed", "failed", "failed")
    else:
        assert changed == ["/tell 写", "/tell 写", "/beacon 写"]
        assert (said["post"], said["get"], said["socket"]) == (200, 200, "你好")
