"""Where the app keeps what is not inside a given profile: the user's data folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def data_folder() -> Path:
    """The folder of this user for all of Tulou, by the custom of the system."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "tulou"


def shell_folder(profile: Path) -> Path:
    """Where the shell keeps its own things inside a profile (`Context.data`)."""
    return profile / "shell"
