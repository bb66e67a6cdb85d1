"""The service is killed without warning, over and over, while it issues: no version is given twice."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

pytest.importorskip("tulou_store", reason="needs store, where a crash leaves something")
pytest.importorskip("tulou_net", reason="needs net, which serves")
pytest.importorskip("tulou_crypto", reason="needs crypto, which signs")

PROGRAM = Path(__file__).with_name("company_process.py")


async def issued_until_killed(profile: Path, count: int) -> list[str]:
    """The signed texts that a service showed before it was killed in the middle of its work."""
    process = await trio.lowlevel.open_process(
        [sys.executable, str(PROGRAM), str(profile)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    seen = b""
    try:
        with trio.fail_after(60):
            while seen.count(b"\n") < count:
                more = await process.stdout.receive_some()
                assert more, "the service did not start"
                seen += more
        process.send_signal(signal.SIGKILL)
        with trio.move_on_after(10):
            while more := await process.stdout.receive_some():
                seen += more
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
    return [line for line in seen.decode().split("\n")[:-1]]


def fields(text: str) -> dict:
    part = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_no_version_is_given_twice_over_many_kills(tmp_path):
    texts: list[str] = []
    for count in (5, 31, 77):
        texts += await issued_until_killed(tmp_path, count)
    by_version: dict[int, str] = {}
    for text in texts:
        version = fields(text)["version"]
        assert by_version.setdefault(version, text) == text, f"version {version} was given twice"
    versions = [fields(text)["version"] for text in texts]
    assert versions == sorted(set(versions)), "later issues have higher versions"
    assert len({text.split(".")[0] for text in texts}) == 1, "the key is the same after every crash"
