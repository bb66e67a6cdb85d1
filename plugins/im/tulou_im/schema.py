"""The tables of the namespace `im`.

A conversation's messages lie together (clustered by position), so opening one reads a few
neighbouring pages. Messages of our own have the sender '': one account owns a profile, and a copy
from another device or the archive must meet the row that was stored before it was sent.

`held` marks what lies before the bookmark in the archive: what is still unknown comes after it.
"""

from __future__ import annotations

from tulou_contracts.storage import Migration

MIGRATIONS = (
    Migration(
        1,
        """
        CREATE TABLE im_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        INSERT INTO im_meta VALUES ('change', 0);

        CREATE TABLE im_conversation (
            key INTEGER PRIMARY KEY,
            address TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL DEFAULT '',
            active INTEGER NOT NULL,
            read_position INTEGER NOT NULL DEFAULT 0,
            told_position INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX im_conversation_active ON im_conversation (active);
        CREATE INDEX im_conversation_untold ON im_conversation (key)
            WHERE told_position < read_position;

        CREATE TABLE im_message (
            conversation INTEGER NOT NULL REFERENCES im_conversation (key),
            position INTEGER NOT NULL,
            message_id TEXT NOT NULL,
            sender TEXT NOT NULL,
            body TEXT NOT NULL,
            kind TEXT NOT NULL,
            data TEXT NOT NULL,
            at INTEGER NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL DEFAULT '',
            archive_id TEXT,
            change INTEGER NOT NULL,
            PRIMARY KEY (conversation, position)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX im_message_id ON im_message (conversation, message_id, sender);
        CREATE UNIQUE INDEX im_message_change ON im_message (change);
        CREATE INDEX im_message_archive ON im_message (conversation, archive_id)
            WHERE archive_id IS NOT NULL;
        CREATE INDEX im_message_unconfirmed ON im_message (conversation, position)
            WHERE state IN ('sent', 'delivered');

        CREATE TABLE im_outbox (
            conversation INTEGER NOT NULL,
            position INTEGER NOT NULL,
            retried INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (conversation, position)
        ) WITHOUT ROWID;

        CREATE TABLE im_early (
            number INTEGER PRIMARY KEY,
            address TEXT NOT NULL,
            message_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            own INTEGER NOT NULL,
            UNIQUE (address, message_id, kind, own)
        );

        CREATE TABLE im_gap (
            number INTEGER PRIMARY KEY,
            after TEXT,
            before TEXT,
            noted INTEGER NOT NULL
        );
        """,
    ),
    Migration(
        2,
        """
        ALTER TABLE im_message ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
        UPDATE im_message SET held = 1 WHERE archive_id IS NOT NULL;
        """,
    ),
)
