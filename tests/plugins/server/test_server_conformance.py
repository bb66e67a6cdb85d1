"""What every plugin owes the house."""

from typing import ClassVar

from tulou.testing.conformance import Conformance
from tulou_server import plugin as manifest


class TestServer(Conformance):
    plugin = manifest
    config: ClassVar = {"port": 0}


def test_the_composition_is_found_by_name():
    from tulou import Composition

    composition = Composition.load("server")
    assert {"store", "server"} <= set(composition.plugins)
    assert composition.essential == {"store", "server"}
