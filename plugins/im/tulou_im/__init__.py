"""Messages: the outbox, the history, receipts and read positions of one account."""

from tulou import Command, Level, Plugin
from tulou_contracts.identity import Identity
from tulou_contracts.messaging import Messenger
from tulou_contracts.storage import Storage
from tulou_contracts.tracking import Tracker
from tulou_contracts.transport import Transport

plugin = Plugin(
    name="im",
    summary="Conversations and messages: stored first, sent when there is a connection",
    version="0.1.0",
    level=Level.CORE,
    requires=(Storage, Transport),
    wants=(Identity, Tracker),
    provides=(Messenger,),
    grants=("messages.send", "messages.receive"),
    config="tulou_im.config:Config",
    run="tulou_im.service:run",
    commands=(Command("export", "write the conversations of a profile to one file, HTML or JSON",
                      "tulou_im.export_command:main"),),
)
