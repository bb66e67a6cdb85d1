"""Tulou's kernel: plugins, services, hooks, events - and no feature.

A manifest needs only the names that load at once; the machine itself (`Kernel`, `Context`, ...)
loads on first use, so that importing a plugin's manifest stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tulou.errors import (
    CompositionError,
    HookError,
    LockMismatch,
    ManifestError,
    Misused,
    NotDeclared,
    NotGranted,
    PluginFailed,
    ProfileLocked,
    ServiceGone,
    ServiceMismatch,
    TulouError,
)
from tulou.hookspec import Kind, Prevent, Stage, hook, implements
from tulou.plugin import API_VERSION, Command, Level, Needs, Plugin, Restart

if TYPE_CHECKING:
    from tulou.app_events import AccountChanged, Background, Foreground, LowMemory, NetworkChanged
    from tulou.composition import Composition, DeviceProfile
    from tulou.context import Context
    from tulou.control import PluginControl
    from tulou.grants import needs_grant
    from tulou.kernel import Kernel
    from tulou.services import Wanted

_LAZY = {
    "AccountChanged": "tulou.app_events",
    "Background": "tulou.app_events",
    "Foreground": "tulou.app_events",
    "LowMemory": "tulou.app_events",
    "NetworkChanged": "tulou.app_events",
    "Composition": "tulou.composition",
    "DeviceProfile": "tulou.composition",
    "Context": "tulou.context",
    "PluginControl": "tulou.control",
    "needs_grant": "tulou.grants",
    "Kernel": "tulou.kernel",
    "Wanted": "tulou.services",
}

__version__ = "0.1.0"
__all__ = [
    "API_VERSION", "AccountChanged", "Background", "Command", "Composition", "CompositionError",
    "Context", "DeviceProfile", "Foreground", "HookError", "Kernel", "Kind", "Level", "LockMismatch",
    "LowMemory", "ManifestError", "Misused", "Needs", "NetworkChanged", "NotDeclared", "NotGranted", "Plugin",
    "PluginControl", "PluginFailed", "Prevent", "ProfileLocked", "Restart", "ServiceGone",
    "ServiceMismatch", "Stage", "TulouError", "Wanted", "hook", "implements", "needs_grant",
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'tulou' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
