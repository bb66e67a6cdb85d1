"""``tulou company``: what the company's documents say to a profile of this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tulou.cli.choose import default_profile

PLUGIN = "company"
FILE = "status.json"


def main(arguments: list[str]) -> int:
    """Print how things stand; the exit status is 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(
        prog="tulou company", description="What the company's documents say to a profile of this machine.")
    orders = parser.add_subparsers(required=True, metavar="ORDER")
    status = orders.add_parser("status", help="what is held, until when, and why something was refused")
    status.add_argument("profile", nargs="?", type=Path, help="default: that of the composition `office`")
    options = parser.parse_args(arguments)
    profile = options.profile or default_profile("office")
    try:
        said = json.loads((profile / PLUGIN / FILE).read_text("utf-8"))
        lines = list(_lines(said, int(datetime.now(UTC).timestamp() * 1e6)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        print(f"tulou: {profile} says nothing of a company: start the app once with the plugin `company`",
              file=sys.stderr)
        return 1
    print("\n".join(lines))
    return int(bool(said["refusals"] or said["trouble"]))


def _lines(said: Mapping[str, Any], now: int) -> Iterator[str]:
    if not said["configured"]:
        yield "No company: this composition pins no root key, so its own defaults hold."
        return
    yield f"Company service: {said['url'] or 'its address is not known yet'}; product {said['audience']!r}"
    yield (f"Last asked: {_time(said['asked_at'])}" if said["asked_at"] else "It has not answered yet.")
    if said["trouble"]:
        yield f"Trouble: {said['trouble']}"
    for each in said["documents"]:
        whose = each["account"] or "everybody"
        until = each["valid_until"]
        state = "withdrawn" if each["withdrawn"] else (
            f"valid until {_time(until)}" if until > now else f"RAN OUT {_time(until)}: it does not hold")
        yield f"  {each['kind']:<16} version {each['version']}  for {whose}  {state}"
    if not said["documents"]:
        yield "  no documents"
    for each in said["refusals"]:
        yield f"Refused {_time(each['at'])}: {each['why']}"


def _time(microseconds: int) -> str:
    try:
        return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return "in far times"
