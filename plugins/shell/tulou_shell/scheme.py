"""`tulou scheme`: have the desktop open `tulou://` links with this app.

By the freedesktop.org specifications "Desktop Entry" (1.5, section Exec) and "Association between MIME
types and applications" (1.0): an entry with ``x-scheme-handler/tulou`` in the user's own folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tulou_contracts.routing import SCHEME

NAME = "tulou.desktop"
MIME = f"x-scheme-handler/{SCHEME}"


def main(arguments: list[str]) -> int:
    """Install, remove or tell; the exit status."""
    parser = argparse.ArgumentParser(
        prog="tulou scheme", description=f"Have the desktop open {SCHEME}:// links with this app."
    )
    parser.add_argument("action", choices=("install", "remove", "status"))
    parser.add_argument("--data", type=Path, metavar="FOLDER",
                        help="what `tulou open --data` is to be started with")
    options = parser.parse_args(arguments)
    if sys.platform in ("win32", "darwin"):
        print(f"Registering {SCHEME}:// is done for desktops of freedesktop.org only (Linux, BSD). Here, let"
              " your system start `tulou open URL` for it.", file=sys.stderr)
        return 1
    try:
        return _ACTIONS[options.action](options.data)
    except OSError as error:
        print(f"The entry {entry_file()} cannot be written: {error}.", file=sys.stderr)
        return 1


def entry_file() -> Path:
    """Where the user's entry stands."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "applications" / NAME


def entry(command: Sequence[str]) -> str:
    """The text of the entry; the desktop puts the address in the place of %u, as one argument."""
    return "\n".join((
        "[Desktop Entry]", "Type=Application", "Version=1.5", "Name=Tulou", "Name[zh_CN]=土楼",
        "Comment=Office messages", "Comment[zh_CN]=办公即时通讯",
        f"Exec={' '.join(map(quoted, command))} %u", "Terminal=false", "NoDisplay=false",
        "Categories=Network;InstantMessaging;", f"MimeType={MIME};", "",
    ))


def quoted(argument: str) -> str:
    """An argument as the key Exec wants it: in quotes, twice escaped, and with % doubled."""
    argument = argument.replace("%", "%%")
    if argument and not set(argument) & set(" \t\n\"'\\><~|&;$*?#()`"):
        return argument
    for each in ("\\", '"', "`", "$"):
        argument = argument.replace(each, "\\" + each)
    return '"' + argument.replace("\\", "\\\\") + '"'


def command(data: Path | None) -> list[str]:
    """What the desktop starts."""
    script = shutil.which("tulou", path=os.path.dirname(sys.executable)) or shutil.which("tulou")
    start = [script] if script else [sys.executable, "-m", "tulou"]
    return [*start, "open", *(["--data", str(data.expanduser().resolve())] if data else [])]


def _install(data: Path | None) -> int:
    file = entry_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    spare = file.with_suffix(".tmp")
    spare.write_text(entry(command(data)), "utf-8")
    os.replace(spare, file)
    _run("update-desktop-database", str(file.parent))
    chosen = _run("xdg-mime", "default", NAME, MIME)
    print(f"{SCHEME}:// links open with: {' '.join(command(data))}")
    print(f"Entry: {file}")
    if not chosen:
        print("If another app opens them, choose Tulou in the desktop's settings (xdg-mime is not here).")
    return 0


def _remove(data: Path | None) -> int:
    file = entry_file()
    file.unlink(missing_ok=True)
    _run("update-desktop-database", str(file.parent))
    print(f"{SCHEME}:// links do not open with this app any more.")
    return 0


def _status(data: Path | None) -> int:
    file = entry_file()
    if not file.is_file():
        print(f"No entry for {SCHEME}:// ({file}); `tulou scheme install` makes it.")
        return 1
    lines = [each.removeprefix("Exec=") for each in file.read_text("utf-8").splitlines()
             if each.startswith("Exec=")]
    print(f"{file}: {lines[0] if lines else 'has no Exec line; install it again'}")
    return 0


_ACTIONS = {"install": _install, "remove": _remove, "status": _status}


def _run(*command: str) -> bool:
    """Run a helper of the desktop's, where there is one; whether it did its work."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, check=False, capture_output=True, timeout=20).returncode == 0
