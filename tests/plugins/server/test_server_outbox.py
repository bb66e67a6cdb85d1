"""The queue to one client, played through with every kind of break (Hypothesis)."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tulou_server.outbox import Entry, Outbox
from tulou_xmpp.wire import WireError


class Conversation(RuleBasedStateMachine):
    """A writer, a client that counts, and cuts between any two steps."""

    def __init__(self):
        super().__init__()
        self.outbox = Outbox(1 << 20)
        self.outbox.push(Entry("<enabled/>", counted=False, enables=True))
        self.pushed: list[str] = []
        self.client: list[str] = []
        self.confirmed = 0
        self.managed = False

    @rule()
    def push(self):
        text = f"s{len(self.pushed)}"
        self.pushed.append(text)
        self.outbox.push(Entry(text))

    @rule(arrives=st.booleans())
    def write(self, arrives):
        entry = self.outbox.take()
        if entry is None:
            return
        if entry.enables:
            self.managed = True
        if arrives and entry.counted:
            self.client.append(entry.text)
        if not arrives and self.managed:
            self.cut()

    @rule()
    def acknowledge(self):
        taken = self.outbox.acknowledge(len(self.client))
        assert [e.text for e in taken] == self.client[self.confirmed:]
        self.confirmed = len(self.client)

    @precondition(lambda self: self.managed)
    @rule()
    def cut(self):
        self.outbox.acknowledge(len(self.client))
        self.confirmed = len(self.client)
        self.outbox.rewind()

    @precondition(lambda self: self.managed)
    @rule()
    def acknowledge_too_much(self):
        with pytest.raises(WireError):
            self.outbox.acknowledge(len(self.pushed) + 1)

    @invariant()
    def the_client_has_a_prefix(self):
        assert self.client == self.pushed[: len(self.client)]

    def teardown(self):
        while (entry := self.outbox.take()) is not None:
            if entry.counted:
                self.client.append(entry.text)
        assert self.client == self.pushed
        self.outbox.acknowledge(len(self.client))
        assert self.outbox.drain() == []
        assert self.outbox.waiting_size == 0 and not self.outbox.overfull


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_an_acknowledgement_is_asked_for_when_the_queue_is_empty_and_only_once():
    outbox = Outbox(1000)
    outbox.push(Entry("<enabled/>", counted=False, enables=True))
    outbox.push(Entry("a"))
    texts = [entry.text for entry in iter(outbox.take, None)]
    assert texts == ["<enabled/>", "a", '<r xmlns="urn:xmpp:sm:3"/>']
    assert outbox.take() is None


def test_too_much_is_noticed_by_what_waits_and_by_what_is_unacknowledged():
    outbox = Outbox(100)
    outbox.push(Entry("<enabled/>", counted=False, enables=True))
    outbox.push(Entry("x" * 101))
    assert outbox.overfull and outbox.crowded
    while outbox.take():
        pass
    assert outbox.overfull and not outbox.crowded
    outbox.acknowledge(1)
    assert not outbox.overfull


def test_nothing_follows_the_last_words():
    outbox = Outbox(1000)
    outbox.push(Entry("</close>"))
    outbox.close()
    outbox.push(Entry("too late"))
    assert [entry.text for entry in iter(outbox.take, None)] == ["</close>"]
