"""The company of the demo, as an administrator has it: by commands, beside the processes that run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def tulou(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tulou", *arguments], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONUTF8": "1"})


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_an_administrator_publishes_and_the_demos_people_hold_it(
    demo: Callable[..., Any], tmp_path: Path
) -> None:
    running = demo()
    running.links()
    server, anna, bowen = (running.folder / name for name in ("server", "anna", "bowen"))
    key = tulou("company-service", "--profile", str(server), "root-key")
    assert key.returncode == 0 and re.fullmatch(r"[A-Za-z0-9+/=]{40,}\n", key.stdout), key.stderr
    policy = tmp_path / "策略.json"
    policy.write_text(json.dumps({"附件": False}), "utf-8")
    told = tulou("company-service", "--profile", str(server), "publish", "policy", str(policy))
    assert told.stdout.startswith("policy 1, valid until "), told.stderr
    own = tulou("company-service", "--profile", str(server), "publish", "policy", str(policy),
                "--account", "anna@tulou.localhost", "--valid-days", "2")
    assert own.returncode == 0, own.stderr

    until(lambda: "version 1  for anna@tulou.localhost" in tulou("company", "status", str(anna)).stdout)
    until(lambda: "version 1  for everybody" in tulou("company", "status", str(bowen)).stdout)
    assert "anna" not in tulou("company", "status", str(bowen)).stdout
    listed = tulou("company-service", "--profile", str(server), "list").stdout
    assert listed.count("policy") == 2 and "everybody" in listed
    assert tulou("company-service", "--profile", str(server), "withdraw", "policy").returncode == 0
    until(lambda: "withdrawn" in tulou("company", "status", str(bowen)).stdout)
    assert "events: " in tulou("company-service", "--profile", str(server), "counts").stdout
    assert running.stop() == 0
    gone = tulou("company-service", "--profile", str(server), "list")
    assert gone.returncode == 1 and "no company service runs" in gone.stderr


@pytest.mark.parametrize(("arguments", "said"), [
    (["publish", "policy", "no-such-file.json"], "cannot be read"),
    (["publish", "policy", "-"], "is not JSON"),
    (["list"], "no company service runs"),
])
def test_what_cannot_be_done_is_a_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tulou", "company-service", "--profile", str(tmp_path), *arguments],
        input="{", capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
