"""What several tests of the logs use."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def lines(folder: Path) -> list[dict[str, Any]]:
    """What the growing file holds."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def until(condition: Callable[[], bool]) -> None:
    """A thread gets there; a minute is for machines that are busy."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)
