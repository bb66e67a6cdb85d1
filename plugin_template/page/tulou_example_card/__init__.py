"""The manifest: everything the kernel knows of this plugin before running a line of it.

Importing it must stay cheap, so the code behind it is named, not imported.
"""

from tulou import Level, Plugin
from tulou_contracts.tracking import Tracker

plugin = Plugin(
    name="example-card",
    version="0.1.0",
    summary="A page that greets people and shows who was greeted",
    level=Level.FEATURE,
    wants=(Tracker,),  # counts where somebody counts; works the same where nobody does
    config="tulou_example_card.config:Config",
    run="tulou_example_card.service:run",
)
