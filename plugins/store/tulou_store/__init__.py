"""The room where a profile's data lies: one durable database, and small documents."""

from tulou import Level, Plugin
from tulou_contracts.crypto import Cipher, Keyring
from tulou_contracts.storage import Storage

plugin = Plugin(
    name="store",
    summary="the profile's data: one durable database, and small documents",
    level=Level.BASE,
    wants=(Keyring, Cipher),
    provides=(Storage,),
    config="tulou_store.config:Config",
    run="tulou_store.service:run",
    version="0.1.0",
)
