"""What every plugin owes the house."""

from importlib.util import find_spec
from typing import ClassVar

import pytest
from server_client import signed_in
from tulou.testing.conformance import Conformance
from tulou_server import plugin as manifest

from tulou_contracts.storage import Storage
from tulou_contracts.testing.memory_storage import MemoryStorage


class TestServer(Conformance):
    plugin = manifest
    fakes: ClassVar = {Storage: MemoryStorage()}
    config: ClassVar = {"port": 0}


def test_the_composition_is_found_by_name():
    from tulou import Composition

    composition = Composition.load("server")
    assert {"store", "server"} <= set(composition.plugins)
    assert composition.essential == {"store", "server"}


@pytest.mark.skipif(find_spec("tulou_store") is None, reason="needs store, which the composition names")
async def test_the_service_is_found_and_works_in_a_kernel(tmp_path):
    from tulou import Composition, Kernel
    from tulou_contracts.server import ChatServer

    composition = (Composition.load("server").with_config("server", port=0, scram_iterations=4096)
                   .with_config("company-service", port=0))
    async with Kernel(composition, profile=tmp_path).running() as kernel:
        server = kernel.service(ChatServer)
        await server.create_account("lin", "secret", "林")
        assert server.domain == "tulou.localhost"
        async with signed_in(server.endpoint, "lin") as lin:
            await lin.sync()
        await kernel.reload("server")  # company-service goes on: its host of signals is a wish
        async with signed_in(kernel.service(ChatServer).endpoint, "lin") as lin:
            await lin.sync()


async def test_a_wrong_setting_is_a_sentence():
    from tulou_server.config import Config

    with pytest.raises(ValueError, match="stanza_limit = 5 must be between"):
        Config(stanza_limit=5)
