"""`tulou plugins timeline`: start an app once and show what took how long."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tulou.cli.boot import Booted, boot_once
from tulou.cli.choose import add_composition, chosen, with_settings
from tulou.cli.output import as_json, as_table, drawable
from tulou.composition import Composition
from tulou.status import PluginStatus

_WIDTH = 40


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_composition(parser)
    parser.add_argument("--profile", metavar="DIR", type=Path,
                        help="use this profile; left out: a temporary one")
    parser.add_argument("--set", metavar="PLUGIN.KEY=VALUE", action="append", default=[], dest="settings")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: Namespace) -> int:
    """Boot and print; exit status 1 when the app as a whole does not start."""
    composition = with_settings(Composition.load(chosen(options.composition)), options.settings)
    booted = boot_once(composition, options.profile)
    path = critical_path(booted.plugins)
    if options.json:
        as_json({
            "manifests": booted.manifests, "total": booted.total, "critical_path": path,
            "missing": booted.missing, "failure": booted.failure,
            "plugins": [{
                "name": each.name, "state": each.state.value, "reason": each.reason,
                "importing": each.bill.importing, "started": each.bill.started, "ready": each.bill.ready,
            } for each in booted.plugins],
        })
    else:
        _print(booted, path)
    if booted.failure:
        print(f"tulou: {booted.failure}", file=sys.stderr)
    return 1 if booted.failure else 0


def critical_path(plugins: list[PluginStatus]) -> list[str]:
    """From the last plugin that became ready back over what it had to wait for; in start order."""
    ready = {each.name: each for each in plugins if each.bill.ready is not None}
    if not ready:
        return []
    providers: dict[str, list[PluginStatus]] = {}
    for each in ready.values():
        for contract in each.provides:
            providers.setdefault(contract, []).append(each)
    current = max(ready.values(), key=_ready_at)
    path = [current.name]
    while True:
        before = [other for contract in current.requires for other in providers.get(contract, ())
                  if other.name not in path]
        if not before:
            return path[::-1]
        current = max(before, key=_ready_at)
        path.append(current.name)


def _ready_at(status: PluginStatus) -> float:
    return status.bill.ready or 0.0


def _print(booted: Booted, path: list[str]) -> None:
    end = max(map(_ready_at, booted.plugins), default=0.0) or 1e-9
    rows = [
        ("*" if each.name in path else "", each.name, _ms(each.bill.importing), _ms(each.bill.started),
         _ms(each.bill.ready), _bar(each, end) if each.bill.ready is not None else
         f"{each.state.value}: {each.reason}")
        for each in sorted(booted.plugins, key=lambda each: (each.bill.started is None, each.bill.started))
    ]
    as_table(("", "PLUGIN", "IMPORT", "START", "READY", "(times in ms)"), rows)
    print(f"\nmanifests and settings {_ms(booted.manifests)} ms, everything {_ms(booted.total)} ms")
    if path:
        print(f"critical path (*): {' -> '.join(path)}")
    for reason in booted.missing.values():
        print(f"missing: {reason}")


def _bar(status: PluginStatus, end: float) -> str:
    """Import, then start, at their place in the whole."""
    light, dark = drawable("░", "."), drawable("█", "#")
    bill = status.bill
    started = bill.started or 0.0
    begin = _column(max(started - bill.importing, 0.0), end)
    middle, stop = _column(started, end), _column(bill.ready or 0.0, end)
    return " " * begin + light * (middle - begin) + dark * max(stop - middle, 1)


def _column(moment: float, end: float) -> int:
    return min(round(moment / end * _WIDTH), _WIDTH)


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"
