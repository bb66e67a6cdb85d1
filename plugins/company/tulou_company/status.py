"""What is held and how things stand, in a file: for `tulou company status` beside a running app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tulou_company.client import CompanyClient
from tulou_company.config import Config

FILE = "status.json"


def status_of(client: CompanyClient, config: Config) -> dict[str, Any]:
    """Everything worth telling; no secret is in it."""
    return {
        "configured": bool(config.root_keys), "audience": config.audience, "url": client.url or "",
        "asked_at": client.asked_at, "trouble": client.trouble,
        "documents": [
            {"kind": each.document.kind, "version": each.document.version,
             "account": each.document.account, "issued_at": each.document.issued_at,
             "valid_until": each.document.valid_until, "withdrawn": each.withdrawn, "key": each.key}
            for each in client.shelf
        ],
        "refusals": [
            {"kind": kind, "at": at, "why": why} for kind, (at, why) in sorted(client.refusals.items())
        ],
    }


def write(file: Path, status: dict[str, Any]) -> None:
    """Replace the file at once, whole."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(status, ensure_ascii=False), "utf-8", errors="replace")
    fresh.replace(file)
