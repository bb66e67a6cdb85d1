"""The room where a profile's data lies: one durable database, and small documents."""

from tulou import Command, Level, Plugin
from tulou_contracts.crypto import Cipher, Keyring
from tulou_contracts.storage import Maintenance, Storage
from tulou_contracts.ui import Notices

plugin = Plugin(
    name="store",
    summary="the profile's data: one durable database, and small documents",
    level=Level.BASE,
    wants=(Keyring, Cipher, Notices),
    provides=(Storage, Maintenance),
    config="tulou_store.config:Config",
    run="tulou_store.service:run",
    start_deadline=600.0,  # a large profile may be converted, or a restore finished, while starting
    commands=(Command("store", "check, repair, backup, restore, usage, compact: care for a profile's data",
                      "tulou_store.command:main"),),
    version="0.1.0",
)
