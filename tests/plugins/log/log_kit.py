"""What several tests of the logs use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def lines(folder: Path) -> list[dict[str, Any]]:
    """What the growing file holds."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
