"""Everything the kernel raises. Each message says what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence


class TulouError(Exception):
    """Base of all errors of the kernel; its text is fit to be shown to a person."""


class ManifestError(TulouError):
    """A plugin's manifest holds a value that cannot be right."""


class CompositionError(TulouError):
    """A composition file is wrong; `problems` has one sentence a fault, all of them at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class LockMismatch(TulouError):
    """What is installed is not what `tulou lock` pinned."""


class ProfileLocked(TulouError):
    """Another process uses the profile folder."""


class PluginFailed(TulouError):
    """A plugin the app cannot do without did not start, or failed while running."""


class NotDeclared(TulouError):
    """A plugin reached for something that its manifest does not declare."""


class NotGranted(TulouError):
    """A plugin called something for which it holds no grant."""


class ServiceGone(TulouError):
    """The provider of a wanted service is not there (any more); the text names it."""


class ServiceMismatch(TulouError):
    """An object offered as a service does not fulfil the contract."""


class Misused(TulouError):
    """A plugin used its context in a way that cannot work."""


class HookError(TulouError):
    """A hook specification or implementation is wrong."""
