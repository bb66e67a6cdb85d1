"""`tulou company-service` on the command line: where its options may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tulou_server.company.command import main


@pytest.mark.parametrize("arguments", [
    ["--profile", "HERE", "list"], ["list", "--profile", "HERE"], ["root-key", "--profile", "HERE"],
    ["publish", "routes", "routes.json", "--profile", "HERE"],
    ["--profile", "elsewhere", "withdraw", "routes", "--profile", "HERE"],
])
def test_the_profile_may_stand_before_the_order_or_after_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("routes.json").write_text('{"routes": []}')
    assert main([str(tmp_path) if each == "HERE" else each for each in arguments]) == 1
    assert f"no company service runs on {tmp_path}:" in capsys.readouterr().err
