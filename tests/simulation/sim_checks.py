"""What must hold when everything has healed. Every rule gives sentences; none means that it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sim_people import Device, whole_state
from tulou_contracts.messaging import Message, MessageState

Histories = dict[tuple[str, str], list[Message]]
"""(device, peer) -> the whole conversation there, in order."""


def label(message: Message) -> str:
    """The mark that everything sent begins with; it says who sent it and as which."""
    return message.body.split()[0]


async def histories(devices: list[Device]) -> Histories:
    """Everything that everybody has."""
    return {
        (device.name, peer): await device.history(peer) for device in devices for peer in device.others
    }


def parties(devices: list[Device]) -> Iterator[tuple[list[Device], list[tuple[str, str]]]]:
    """Each pair of people: their devices, and where in `Histories` their conversation is."""
    people = sorted({device.address for device in devices})
    for one in people:
        for other in people:
            if one < other:
                mine = [device for device in devices if device.address in (one, other)]
                yield mine, [(d.name, other if d.address == one else one) for d in mine]


def still_missing(devices: list[Device], found: Histories) -> list[str]:
    """Messages that were promised and are not everywhere yet, or are not everywhere alike."""
    missing = []
    for mine, places in parties(devices):
        promised = {
            label for device in mine for peer, label, _ in device.tried
            if label in device.sent and peer in [p for _, p in places]
        }
        sets = {place: {label(message) for message in found[place]} for place in places}
        everything = promised.union(*sets.values())
        for (name, peer), have in sets.items():
            missing += [f"{name} lacks {each} in its conversation with {peer}"
                        for each in sorted(everything - have)]
        for name, peer in places:
            missing += [f"{label(m)} is still queued on {name}" for m in found[name, peer]
                        if m.state is MessageState.QUEUED]
    return missing


def doubled(found: Histories) -> list[str]:
    """Nothing is shown twice, by id or by text."""
    return [
        f"{name} shows {each} {count} times to {peer}"
        for (name, peer), messages in found.items()
        for key in (label, whole_state)
        for each, count in Counter(key(message) for message in messages).items() if count > 1
    ]


def disordered(devices: list[Device], found: Histories) -> list[str]:
    """What one device sent stands everywhere in the order in which it was sent."""
    problems = []
    for (name, peer), messages in found.items():
        for device in devices:
            order = [int(label(m).rpartition("-")[2]) for m in messages
                     if label(m).rpartition("-")[0] == device.name]
            problems += [
                f"{name} shows {device.name}-{later} after {device.name}-{earlier} in its conversation"
                f" with {peer}" for later, earlier in zip(order[1:], order) if later < earlier
            ]
    return problems


def altered(devices: list[Device], found: Histories) -> list[str]:
    """Texts and senders arrive as they were."""
    texts = {each: (device.address, body) for device in devices for _, each, body in device.tried}
    return [
        f"{name} shows {label(m)} of {m.sender} as {m.body!r}"
        for (name, _), messages in found.items() for m in messages
        if texts.get(label(m)) != (m.sender, m.body)
    ]


def unmoved(found: Histories) -> list[str]:
    """Positions grow, and every state fits whose message it is."""
    problems = []
    for (name, peer), messages in found.items():
        positions = [m.position for m in messages]
        if positions != sorted(set(positions)):
            problems.append(f"{name} pages through its conversation with {peer} out of order")
        problems += [f"{name}: {label(m)} is {m.state.value}" for m in messages
                     if (m.state is MessageState.RECEIVED) is m.outgoing]
    return problems


async def miscounted(devices: list[Device], found: Histories) -> list[str]:
    """Unread is the number of others' messages after the read position."""
    problems = []
    for device in devices:
        lines = await device.lines()
        for peer in device.others:
            messages = found[device.name, peer]
            line = lines.get(peer)
            if line is None:
                problems += [f"{device.name} does not list {peer}"] if messages else []
                continue
            unread = sum(not m.outgoing and m.position > line.read_position for m in messages)
            if line.unread != unread:
                problems.append(f"{device.name} counts {line.unread} unread of {peer}, there are {unread}")
            if messages and (line.last is None or line.last.id != messages[-1].id):
                problems.append(f"{device.name} does not show the last message of {peer}")
    return problems


def unseen(devices: list[Device], found: Histories) -> list[str]:
    """Whoever reads on from the durable cursor has met every message, in its present state."""
    return [
        f"{name} was told of {label(m)} as {states.get(whole_state(m))}, and it is {m.state}"
        for device in devices for states in [device.states]
        for (name, _), messages in found.items() if name == device.name
        for m in messages if states.get(whole_state(m)) is not m.state
    ]


def unread_by_now(devices: list[Device], found: Histories) -> list[str]:
    """After everybody has read everything on a whole network, each sender knows."""
    return [
        f"{name}: {label(m)} is only {m.state.value}"
        for (name, _), messages in found.items() for m in messages
        if m.outgoing and label(m).rpartition("-")[0] == name and m.state is not MessageState.READ
    ]
