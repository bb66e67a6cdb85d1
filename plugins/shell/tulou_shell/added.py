"""Plugins that are added to a composition from the command line: `tulou demo --with`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from tulou import Composition, Kernel
from tulou.composition import PluginSettings
from tulou.discovery import installed
from tulou.errors import TulouError


class NotInstalled(TulouError):
    """Something is to be added that is not installed."""


def with_added(composition: Composition, wanted: Sequence[str]) -> Composition:
    """The composition with plugins by name, and with the plugin tables of files ending in .toml on top.

    Raises `NotInstalled`; `ManifestError` for a plugin that does not import; `CompositionError` for a
    file that is wrong.
    """
    for each in wanted:
        if each.endswith(".toml"):
            composition = _laid_over(composition, Composition.load(Path(each)))
        else:
            _check(each, "--with")
            composition = composition.with_plugin(each, enabled=True)
    return composition


def _laid_over(below: Composition, above: Composition) -> Composition:
    for name, settings in above.plugins.items():
        if settings.enabled:
            _check(name, settings.source)
        config = {**below.plugins.get(name, PluginSettings()).config, **settings.config}
        below = below.with_plugin(name, **settings._replace(config=config)._asdict())
    return below


def _check(name: str, where: str) -> None:
    known = installed().plugins
    if name not in known:
        close = get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"installed are {', '.join(sorted(known))}"
        raise NotInstalled(f"{where}: there is no plugin {name!r}; {hint}")
    known[name].load()


def idle(kernel: Kernel) -> Iterator[str]:
    """A sentence for each plugin that does not run."""
    yield from kernel.missing().values()
    for each in kernel.status():
        if each.state.value not in ("running", "disabled") and each.name not in kernel.missing():
            yield f"plugin {each.name!r} is {each.state.value}: {each.reason}"
