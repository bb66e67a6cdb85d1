"""The manifest: everything the kernel knows of this plugin before running a line of it.

Importing it must stay cheap, so the code behind it is named, not imported.
"""

from tulou import Level, Plugin
from tulou_example_card.contract import ExampleCards

plugin = Plugin(
    name="example-card",
    version="0.1.0",
    summary="Turns '/example-card some words' into a card that everybody sees",
    level=Level.FEATURE,
    # requires=(Messenger,) would start this plugin after messaging, and stop it with it;
    # wants=(Messenger,) would hand it over whenever it is there. This plugin needs neither.
    provides=(ExampleCards,),
    config="tulou_example_card.config:Config",
    run="tulou_example_card.service:run",
)
