"""The test kit for plugin authors.

`boot` runs a kernel with chosen plugins; `fake` makes a plugin out of any object that provides a
contract; `stand_in` makes such an object from the contract alone. With pytest-trio's
`autojump_clock` all of it runs on virtual time. `tulou.testing.conformance` holds the suite that
every plugin should pass; ``python -m tulou.testing NAME`` runs it against an installed plugin.
"""

from __future__ import annotations

from tulou.testing.kit import boot, fake, states, virtual_now
from tulou.testing.stand_in import stand_in

__all__ = ["boot", "fake", "stand_in", "states", "virtual_now"]
