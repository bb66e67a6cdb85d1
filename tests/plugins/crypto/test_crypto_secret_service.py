"""On a real Secret Service: GNOME Keyring on a D-Bus of its own, open, stopped, going on, locked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import crypto_secret_service as program

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not shutil.which("gnome-keyring-daemon") or not shutil.which("dbus-run-session"),
        reason="needs gnome-keyring and dbus (Debian packages of these names)"),
]


def test_gnome_keyring_in_all_its_moods(tmp_path: Path) -> None:
    home, profile = tmp_path / "home", tmp_path / "profile"
    home.mkdir()
    profile.mkdir()
    hidden = ("XDG_", "DBUS_", "DISPLAY", "WAYLAND_", "PYTHON_KEYRING")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    run = subprocess.run(
        ["dbus-run-session", "--", sys.executable, program.__file__, str(profile)],
        env={**environment, "HOME": str(home)}, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert run.returncode == 0, run.stderr
    # The bus may start a daemon of its own, which prints variables.
    seen = [tuple(line.split("|")) for line in run.stdout.splitlines() if line.count("|") == 2]
    assert seen[0] == ("open", "system", "密码 one")
    assert seen[1][:2] == ("stopped, read", "system")
    assert seen[1][2].startswith("CryptoError: the secret cannot be read now: the system keyring")
    assert seen[2:5] == [
        ("stopped, written", "file", "密码 two"),
        ("going on, read", "file", "密码 two"),
        ("going on, written", "system", "密码 three"),
    ]
    assert seen[5][:2] == ("locked, read", "system")
    assert seen[5][2].endswith("(SecretService) is locked; unlock it and try again")
    assert seen[6:] == [("locked, written", "file", "密码 four")]
