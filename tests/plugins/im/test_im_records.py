"""The transactions against a model: whatever comes in whatever order, however often."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tulou_contracts.messaging import Draft, MessageState
from tulou_contracts.transport import (
    IncomingMessage,
    IncomingReceipt,
    IncomingRefusal,
    Outgoing,
    ReceiptKind,
)
from tulou_im import receiving, rows, sending
from tulou_im.schema import MIGRATIONS
from tulou_im.state import Step, after

WANG = "wang@example.org"
START = 1_800_000_000_000_000


class PlainTransaction:
    """The contract's `Transaction`, without a store around it."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for migration in MIGRATIONS:
            self.connection.executescript(migration.script)

    def query(self, sql, parameters=()):
        return self.connection.execute(sql, parameters).fetchall()

    def one(self, sql, parameters=()):
        return self.connection.execute(sql, parameters).fetchone()

    def execute(self, sql, parameters=()):
        return self.connection.execute(sql, parameters).rowcount

    def execute_many(self, sql, parameters):
        return self.connection.executemany(sql, parameters).rowcount


class Records(RuleBasedStateMachine):
    """One conversation, its rows, and what they should be."""

    def __init__(self):
        super().__init__()
        self.tx = PlainTransaction()
        self.now = START
        self.ours: dict[str, MessageState] = {}
        self.order: list[str] = []
        self.theirs: dict[str, IncomingMessage] = {}
        self.positions: dict[str, int] = {}
        self.read_to = 0

    def teardown(self):
        self.tx.connection.close()

    def history(self):
        found = self.tx.query(f"{rows.SELECT_MESSAGES} ORDER BY m.position")
        return [rows.to_message(row, "lin@example.org") for row in found]

    def step(self, message_id, step):
        self.ours[message_id] = after(self.ours[message_id], step)

    def receive(self, *batch):
        receiving.store(self.tx, batch, now=self.now, title=lambda address: "")

    @rule(seconds=st.integers(-3, 100))
    def time_passes(self, seconds):
        self.now += seconds * 1_000_000

    @rule()
    def send(self):
        message_id = f"own-{len(self.ours)}"
        draft = Draft(conversation=WANG, body="hi")
        sending.queue(self.tx, draft, message_id, self.now, "lin@example.org", "")
        self.ours[message_id] = MessageState.QUEUED
        self.order.append(message_id)

    @rule(
        count=st.integers(1, 3), age=st.integers(0, 50), live=st.booleans(), archived=st.booleans(),
        copies=st.integers(1, 2),
    )
    def others_write(self, count, age, live, archived, copies):
        at = (self.now // 1_000_000 - age) * 1_000_000
        new = []
        for _ in range(count):
            number = len(self.theirs)
            message = IncomingMessage(
                id=f"m{number}", archive_id=f"a{number}" if archived or not live else None,
                conversation=WANG, sender=WANG, body=f"{number}", at=at, live=live,
            )
            self.theirs[message.id] = message
            new.append(message)
        self.receive(*new * copies)
        here = [message.id for message in self.history()]
        assert sorted((m.id for m in new), key=here.index) == [m.id for m in new]

    @precondition(lambda self: self.theirs)
    @rule(data=st.data())
    def they_come_again(self, data):
        again = data.draw(st.lists(st.sampled_from(sorted(self.theirs)), min_size=1, max_size=4))
        self.receive(*[replace(self.theirs[each], live=False) for each in again])

    @precondition(lambda self: self.ours)
    @rule(data=st.data(), step=st.sampled_from([Step.ACCEPTED, Step.REFUSED, Step.RETRY]))
    def the_server_answers(self, data, step):
        message_id = data.draw(st.sampled_from(sorted(self.ours)))
        if step is Step.RETRY:
            sending.queue_again(self.tx, WANG, message_id)
        else:
            sending.settle(self.tx, WANG, message_id, step, "why")
        self.step(message_id, step)

    @precondition(lambda self: self.ours)
    @rule(data=st.data(), kind=st.sampled_from(ReceiptKind))
    def a_receipt_comes(self, data, kind):
        message_id = data.draw(st.sampled_from(sorted(self.ours)))
        self.receive(IncomingReceipt(kind=kind, message_id=message_id, conversation=WANG))
        if kind is ReceiptKind.READ:
            for earlier in self.order[: self.order.index(message_id)]:
                if self.ours[earlier] in (MessageState.SENT, MessageState.DELIVERED):
                    self.step(earlier, Step.READ)
        self.step(message_id, Step.READ if kind is ReceiptKind.READ else Step.DELIVERED)

    @precondition(lambda self: self.ours)
    @rule(data=st.data())
    def a_refusal_comes(self, data):
        message_id = data.draw(st.sampled_from(sorted(self.ours)))
        self.receive(IncomingRefusal(message_id=message_id, conversation=WANG, reason="why"))
        self.step(message_id, Step.REFUSED)

    @precondition(lambda self: self.positions)
    @rule(data=st.data(), own=st.booleans())
    def somebody_reads(self, data, own):
        message_id = data.draw(st.sampled_from(sorted(self.positions)))
        position = self.positions[message_id]
        if own:
            self.receive(IncomingReceipt(
                kind=ReceiptKind.READ, message_id=message_id, conversation=WANG, own=True
            ))
        else:
            receiving.read_up_to(self.tx, 1, position, told=False)
        read = [self.positions[each] for each in self.theirs if self.positions[each] <= position]
        self.read_to = max([self.read_to, *read])

    @invariant()
    def rows_are_what_they_should_be(self):
        history = self.history()
        assert {m.id: m.state for m in history if m.outgoing} == self.ours
        assert sorted(m.id for m in history if not m.outgoing) == sorted(self.theirs)
        assert all(bool(m.reason) == (m.state is MessageState.FAILED) for m in history)
        assert [m.id for m in history if m.outgoing] == self.order
        for message in history:
            assert self.positions.setdefault(message.id, message.position) == message.position
            assert message.position > 0

    @invariant()
    def the_outbox_is_what_is_queued(self):
        waiting = [item.message for item in sending.waiting(self.tx, (), 1000)]
        assert waiting == [
            Outgoing(id=each, to=WANG, body="hi")
            for each in self.order if self.ours[each] is MessageState.QUEUED
        ]

    @invariant()
    def unread_is_what_stands_after_the_read_position(self):
        for line in rows.conversations(self.tx, "", 10):
            assert line.read_position == self.read_to
            unread = [each for each in self.theirs if self.positions[each] > self.read_to]
            assert line.unread == len(unread)

    @invariant()
    def the_cursor_names_each_message_once(self):
        found = self.tx.query("SELECT change FROM im_message")
        last = int(self.tx.one("SELECT value FROM im_meta WHERE name = 'change'")[0])
        assert len(set(found)) == len(found)
        assert all(change <= last for (change,) in found)


TestRecords = Records.TestCase
TestRecords.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_hot_queries_use_their_indexes():
    tx = PlainTransaction()

    def plan(sql, *parameters):
        return " ".join(row[3] for row in tx.query(f"EXPLAIN QUERY PLAN {sql}", parameters))

    page = plan(f"{rows.SELECT_MESSAGES} WHERE m.conversation = ? ORDER BY m.position DESC LIMIT 50", 1)
    assert "PRIMARY KEY" in page and "TEMP B-TREE" not in page
    assert "im_message_change" in plan(
        f"{rows.SELECT_CHANGES} WHERE m.change > ? ORDER BY m.change LIMIT 1", 1
    )
    tx.connection.close()


def test_receipts_that_come_before_their_message_are_kept():
    tx = PlainTransaction()

    def receive(*batch):
        receiving.store(tx, batch, now=START, title=lambda address: "")

    receive(
        IncomingReceipt(kind=ReceiptKind.READ, message_id="m1", conversation=WANG, own=True),
        IncomingReceipt(kind=ReceiptKind.DELIVERED, message_id="o1", conversation=WANG),
    )
    receive(
        IncomingMessage(id="m1", archive_id="a1", conversation=WANG, sender=WANG, body="1", at=START),
        IncomingMessage(
            id="o1", archive_id="a2", conversation=WANG, sender="lin@example.org", body="2",
            at=START, outgoing=True,
        ),
    )
    [line] = rows.conversations(tx, "", 1)
    assert (line.unread, line.last.state) == (0, MessageState.DELIVERED)
    assert tx.query("SELECT * FROM im_early") == []
    tx.connection.close()


def arrive(tx, now, *numbers, at):
    receiving.store(tx, [
        IncomingMessage(id=f"{n}", archive_id=f"a{n}", conversation=WANG, sender=WANG, body=f"{n}", at=at(n))
        for n in numbers
    ], now=now, title=lambda address: "")


def order(tx):
    found = tx.query(f"{rows.SELECT_MESSAGES} WHERE m.sender <> '' ORDER BY m.position")
    return [rows.to_message(row, "").body for row in found]


def test_live_messages_turned_round_by_the_server_stand_by_their_stamps():
    tx = PlainTransaction()
    sending.queue(tx, Draft(conversation=WANG, body="mine"), "o", START, "", "")
    for number in [39, 0, 1, 2, *range(4, 39), 3]:
        arrive(tx, START, number, at=lambda n: START - 4_000_000 + n)
    assert order(tx) == [f"{number}" for number in range(40)]
    tx.connection.close()


def test_a_clock_set_back_changes_no_order():
    tx = PlainTransaction()
    hour = 3_600_000_000
    arrive(tx, START, 0, at=lambda n: START)
    arrive(tx, START - hour, 1, at=lambda n: START - hour)
    arrive(tx, START - hour + 1, 2, at=lambda n: START - hour + 1)
    assert order(tx) == ["0", "1", "2"]
    tx.connection.close()
