"""What the router remembers from one start to the next: routes and interceptors of plugins that may not
come back, and the company's last routes. Files of the profile; a damaged one counts as empty."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tulou_router.registry import Trace

TRACES = 2000
"""Routes that are remembered after their plugin left."""
VERSIONS = 5
"""Of the company's routes, so that it can go back to one."""


class Memory:
    """Reads at the start, writes when something changed; each file is replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self._known = folder / "known.json"
        self._company = folder / "company.json"
        self.traces: dict[str, Trace] = {}
        self.interceptors: dict[str, str] = {}
        self.versions: list[dict[str, Any]] = []
        self._unsaved = False
        self._unsaved_versions = False
        self._read()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            kept = json.loads(self._known.read_text("utf-8"))
            self.interceptors = {str(name): str(owner) for name, owner in kept["interceptors"].items()}
            for each in kept["routes"]:
                trace = Trace(
                    str(each["name"]), str(each["path"]), str(each["owner"]), each["exported"] is True
                )
                self.traces[trace.name] = trace
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            versions = json.loads(self._company.read_text("utf-8"))["versions"]
            self.versions = [each for each in versions if _whole(each)]

    def note(self, traces: Iterable[Trace], interceptors: Mapping[str, str], forget: set[str]) -> None:
        """Remember what is registered now; `save` makes it last."""
        routes = dict(self.traces)
        for trace in traces:
            routes.pop(trace.name, None)
            routes[trace.name] = trace
        while len(routes) > TRACES:
            del routes[next(iter(routes))]
        kept = {**self.interceptors, **interceptors}
        kept = {name: owner for name, owner in kept.items() if name not in forget}
        if kept == self.interceptors and routes == self.traces:
            return
        self.interceptors, self.traces = kept, routes
        self._unsaved = True

    def save(self) -> None:
        """Write what is new. Raises `OSError`."""
        if self._unsaved:
            self._unsaved = False
            listed = [
                {"name": each.name, "path": each.path, "owner": each.owner, "exported": each.exported}
                for each in tuple(self.traces.values())
            ]
            _replace(self._known, {"interceptors": dict(self.interceptors), "routes": listed})
        if self._unsaved_versions:
            self._unsaved_versions = False
            _replace(self._company, {"versions": self.versions})

    def note_version(self, version: Mapping[str, Any]) -> None:
        """Remember a version of the company's routes that is in use; `save` makes it last."""
        others = [each for each in self.versions if each["version"] != version["version"]]
        versions = [*others, dict(version)][-VERSIONS:]
        if versions != self.versions:
            self.versions = versions
            self._unsaved_versions = True


def _whole(each: Any) -> bool:
    kinds = {"version": int, "valid_until": int, "account": str, "audience": str, "content": dict}
    return isinstance(each, dict) and all(isinstance(each.get(name), kind) for name, kind in kinds.items())


def _replace(path: Path, value: Any) -> None:
    spare = path.with_suffix(".tmp")
    with open(spare, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    os.replace(spare, path)
