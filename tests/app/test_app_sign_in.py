"""`tulou sign-in`: a headless account from a terminal, against a real embedded server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


def tulou(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tulou", *arguments], input=typed, text=True,
                          capture_output=True, timeout=60, check=False)


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """An embedded server in a process of its own, started as a person would."""
    code = ("import sys, trio\n"
            "from tulou import Composition, Kernel\n"
            "from tulou_contracts.server import ChatServer\n"
            "async def main():\n"
            "    composition = Composition.load('server').with_config('server', port=0)\n"
            "    async with Kernel(composition, profile=sys.argv[1]).running() as kernel:\n"
            "        print(kernel.service(ChatServer).endpoint, flush=True)\n"
            "        await trio.sleep_forever()\n"
            "trio.run(main)\n")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "server")], text=True,
                               stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert re.match(r"ws://127\.0\.0\.1:\d+/", address)
    yield address
    process.kill()
    process.wait()
    process.stdout.close()


def test_registering_signing_in_and_being_refused(endpoint: str, tmp_path: Path) -> None:
    profile = str(tmp_path / "bot")
    common = (profile, "机器人@tulou.localhost", "--server", endpoint)
    done = tulou("sign-in", *common, "--register", typed="开门 sesame\n")
    assert done.returncode == 0, done.stderr
    assert "机器人@tulou.localhost" in done.stdout
    assert "sesame" not in done.stdout + done.stderr
    again = tulou("sign-in", *common, typed="开门 sesame\n")
    assert again.returncode == 0, again.stderr
    wrong = tulou("sign-in", *common, typed="wrong\n")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("tulou: ") and "Traceback" not in wrong.stderr


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    done = tulou("sign-in", str(tmp_path / "p"), "a@tulou.localhost", "--server",
                 "ws://127.0.0.1:1/xmpp-websocket", typed="x\n")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr and "Traceback" not in done.stderr
