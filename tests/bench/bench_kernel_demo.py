"""From process start to two usable pages: the demo as a person starts it, and who took how long."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from statistics import median

from tests.bench.harness import Measurement, python

FLAGS = ("--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
         " --disable-component-update --disable-sync").split()


def measure() -> Iterator[Measurement]:
    """A first start (accounts are made), then later ones; nothing is promised, so there is no bar."""
    with tempfile.TemporaryDirectory(prefix="tulou-bench-") as data:
        first = demo(data)
        later = [demo(data) for _ in range(5)]
    floor = median(seconds_of(lambda: python("import trio")) for _ in range(5))
    names = later[0].keys()
    medians = {f"later start: {name}": median(each[name] for each in later) for name in names}
    medians |= {f"first start: {name}": seconds for name, seconds in first.items()}
    medians["import trio"] = floor
    last = medians["later start: " + list(names)[-1]]
    yield Measurement("demo: process start to both pages usable / process that imports trio",
                      last / floor, "-", None, {}, medians)
    print(subprocess.run([sys.executable, "-m", "tulou", "plugins", "timeline", "office"],
                         capture_output=True, text=True, check=False).stdout)


def seconds_of(work: object) -> float:
    """Wall seconds of a call."""
    begin = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - begin


def demo(data: str) -> dict[str, float]:
    """Start it, open both pages if there is a browser, stop it; seconds since the start by stage."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-u", "-m", "tulou", "demo", "--data", data, "--no-browser"],
                               stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    assert process.stdout is not None
    stages: dict[str, float] = {}
    try:
        addresses: list[str] = []
        for line in process.stdout:
            addresses += re.findall(r"http://\S+code=\S+", line)
            if len(addresses) == 2:
                break
        stages["both addresses printed"] = time.perf_counter() - begin
        if shutil.which("chromium"):
            stages["both pages usable"] = begin_to_usable(addresses, begin)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stdout.close()
    return stages


def begin_to_usable(addresses: list[str], begin: float) -> float:
    """Until both pages show where to start a chat; the browser's own start is taken off."""
    from playwright.sync_api import sync_playwright

    away = time.perf_counter()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        away = time.perf_counter() - away
        pages = [browser.new_context(locale="en-US").new_page() for _ in addresses]
        for page, address in zip(pages, addresses):
            page.goto(address)
        for page in pages:
            page.get_by_text("Chats").first.wait_for()
        taken = time.perf_counter() - begin - away
        browser.close()
    return taken
