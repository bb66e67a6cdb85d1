"""The store against a dict, through any sequence of writes, failures, cancellations and restarts."""

import shutil
import tempfile
import threading
from functools import partial
from pathlib import Path

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tulou_store.config import Config
from tulou_store.service import Store

from tulou_contracts.storage import Migration, StorageError
from tulou_contracts.testing.storage import Oops, gather

TABLE = Migration(1, "CREATE TABLE kit_map (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
KEYS = st.sampled_from(["甲", "乙", "丙", "a", ""])
VALUES = st.text(st.characters(codec="utf-8"), max_size=20)


class Loop:
    """A trio loop in a thread, holding one open store; calls come from the test's thread."""

    def __init__(self, folder, threads):
        self._folder, self._threads = folder, threads
        self._ready, self._leave = threading.Event(), None
        self._thread = threading.Thread(target=trio.run, args=(self._main,))
        self._thread.start()
        assert self._ready.wait(60)

    async def _main(self):
        store = Store(self._folder, Config(threads=self._threads, batch=4, readers=1))
        async with store.running():
            self.database = await store.database("kit", [TABLE])
            self.documents = await store.documents("map")
            self._leave, self._token = trio.Event(), trio.lowlevel.current_trio_token()
            self._ready.set()
            await self._leave.wait()

    def call(self, function, *arguments):
        return trio.from_thread.run(function, *arguments, trio_token=self._token)

    def stop(self):
        self._token.run_sync_soon(self._leave.set)
        self._thread.join(60)
        assert not self._thread.is_alive()


def put(key, value, tx):
    tx.execute("REPLACE INTO kit_map VALUES (?, ?)", (key, value))


def delete(key, tx):
    return tx.execute("DELETE FROM kit_map WHERE key = ?", (key,))


def rows(view):
    return dict(view.query("SELECT key, value FROM kit_map"))


class StoreMachine(RuleBasedStateMachine):
    threads = True

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tulou-store-"))
        self.loop = Loop(self.folder, self.threads)
        self.model, self.documents = {}, {}

    @rule(key=KEYS, value=VALUES)
    def put(self, key, value):
        self.loop.call(self.loop.database.write, partial(put, key, value))
        self.model[key] = value

    @rule(key=KEYS)
    def delete(self, key):
        changed = self.loop.call(self.loop.database.write, partial(delete, key))
        assert changed == (self.model.pop(key, None) is not None)

    @rule(key=KEYS, value=VALUES, caught=st.booleans())
    def fail(self, key, value, caught):
        def work(tx):
            put(key, value, tx)
            if caught:
                with pytest.raises(StorageError):
                    tx.execute("COMMIT")
            raise Oops

        with pytest.raises(Oops):
            self.loop.call(self.loop.database.write, work)

    @rule(works=st.lists(st.tuples(KEYS, VALUES, st.booleans()), max_size=12))
    def many_at_once(self, works):
        """Each key is written once at most, so that the order among tasks does not matter."""

        def work_of(key, value, fails):
            def work(tx):
                put(key, value, tx)
                if fails:
                    raise Oops

            return partial(self.loop.database.write, work)

        once = {key: (value, fails) for key, value, fails in works}
        calls = [work_of(key, *rest) for key, rest in once.items()]
        outcomes = self.loop.call(gather, *calls)
        for outcome, (key, (value, fails)) in zip(outcomes, once.items()):
            assert isinstance(outcome, Oops) if fails else outcome is None
            if not fails:
                self.model[key] = value

    @rule(key=KEYS, value=VALUES)
    def cancel(self, key, value):
        """A cancelled write happened, or did not; the model learns which."""

        async def cancelled():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.loop.database.write, partial(put, key, value))
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()

        self.loop.call(cancelled)
        # behind it in the queue: so it is decided by now
        self.loop.call(self.loop.database.write, lambda tx: None)
        found = self.loop.call(self.loop.database.read, rows)
        assert found in (self.model, {**self.model, key: value})
        self.model = found

    @rule(key=KEYS, value=VALUES)
    def put_document(self, key, value):
        self.loop.call(self.loop.documents.put, key, {value: [value]})
        self.documents[key] = {value: [value]}

    @rule(key=KEYS)
    def delete_document(self, key):
        self.loop.call(self.loop.documents.delete, key)
        self.documents.pop(key, None)

    @rule()
    def restart(self):
        self.loop.stop()
        self.loop = Loop(self.folder, self.threads)

    @invariant()
    def same_as_the_model(self):
        assert self.loop.call(self.loop.database.read, rows) == self.model
        assert self.loop.call(self.loop.documents.all) == self.documents

    def teardown(self):
        self.loop.stop()
        shutil.rmtree(self.folder)


class InlineMachine(StoreMachine):
    threads = False


TestThreads = StoreMachine.TestCase
TestInline = InlineMachine.TestCase
TestThreads.settings = TestInline.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
