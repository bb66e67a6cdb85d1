"""What the house tracks is in the table: an event that is not fails the build."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tulou_contracts.tracking import PersonalData

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [f"tulou_{each.name}" for each in sorted((ROOT / "plugins").iterdir())
            if (each / "setup.cfg").is_file()]

check = pytest.importorskip("tulou_tracking.check")


def test_every_event_that_is_tracked_is_declared_and_fits() -> None:
    assert check.check(PACKAGES, also=["tulou_contracts"]) == []


def test_the_kernel_tracks_nothing() -> None:
    calls = [call for package in ("tulou", "tulou_contracts") for path in check.sources(package)
             if "testing" not in path.parts for call in check.calls(path)]
    assert calls == []


def test_the_scan_sees_the_house() -> None:
    found = {call.name for package in PACKAGES for path in check.sources(package)
             for call in check.calls(path)}
    assert found >= {"im.message-sent", "xmpp.connection-failed", "app.started"}


def test_every_event_is_declared_by_its_owner_and_says_when_it_happens() -> None:
    for package in PACKAGES:
        table, problems = check.declarations([package])
        assert problems == []
        for spec in table.values():
            assert spec.about, f"{spec.name} does not say when it happens"
            assert f"tulou_{spec.owner}" == package, f"{spec.name} of {spec.owner} stands in {package}"


def test_we_track_nothing_personal() -> None:
    """The house's own events say nothing of a person, so that they are the same for either consent."""
    table, _ = check.declarations(PACKAGES)
    assert [(spec.name, field.name) for spec in table.values() for field in spec.fields
            if field.personal is not PersonalData.NONE] == []


def test_rooms_want_the_tracker_and_never_require_it() -> None:
    for package in PACKAGES:
        for path in check.sources(package):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "requires":
                    names = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
                    assert not names & {"Tracker", "TrackingControl"}, path
