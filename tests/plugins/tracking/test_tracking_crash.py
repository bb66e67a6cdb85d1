"""What was durable is there after kill -9, once and in order; what was withdrawn is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tulou_store", reason="needs store, which keeps things")
LAB = Path(__file__).with_name("tracking_crash_lab.py")


def killed(profile: Path, mode: str, lines: int) -> str:
    """The last of so many lines that the process printed before it was killed."""
    process = subprocess.Popen([sys.executable, str(LAB), str(profile), mode], stdout=subprocess.PIPE,
                               text=True, env={k: v for k, v in os.environ.items() if "TRACK" not in k})
    assert process.stdout is not None
    try:
        last = ""
        for _ in range(lines):
            last = process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    return last


async def test_what_was_durable_survives_a_kill_once_and_in_order(room: Any, tmp_path: Path) -> None:
    durable = int(killed(tmp_path / "profile", "track", 7))
    async with room(batch=100_000, batch_kb=100_000) as opened:
        found = [event for event in await _all(opened) if event["name"] == "kit.plain"]
        numbers = [event["fields"]["whole"] for event in found]
        assert numbers == list(range(len(numbers))) and len(numbers) >= durable >= 350
        assert len({event["id"] for event in found}) == len(found)
        assert opened.control.state().held >= len(found)


async def test_a_withdrawal_survives_a_kill(room: Any, tmp_path: Path) -> None:
    assert killed(tmp_path / "profile", "withdraw", 1) == "withdrawn"
    async with room() as opened:
        assert opened.control.state().consent.value == "off"
        assert await opened.lines() == []
        assert opened.control.state().dropped["withdrawn"]["kit.plain"] == 100


async def _all(opened: Any) -> list[dict[str, Any]]:
    import json

    return [json.loads(line) for line in await opened.control.preview(1_000_000)]
