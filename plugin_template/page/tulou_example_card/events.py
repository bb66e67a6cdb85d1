"""The rows of the event table: what may be counted, and nothing else can be."""

from collections.abc import Sequence

from tulou import implements
from tulou_contracts.tracking import EventSpec, Field, FieldType, PersonalData, contribute_events

# constants, because `tulou tracking check` reads them
EVENTS = (
    EventSpec(name="example-card.greeted", owner="example-card", about="Somebody was greeted", fields=(
        Field(name="length", type=FieldType.INTEGER, personal=PersonalData.NONE, required=True),)),
)


class ExampleCardEvents:
    """Implements the hook `contribute_events`."""

    @implements(contribute_events)
    def contribute_events(self) -> Sequence[EventSpec]:
        """The rows; the check of the build reads the same."""
        return EVENTS
