"""The server's tables. A step once released is never edited; a change is a further step."""

from __future__ import annotations

from tulou_contracts.storage import Migration

NAMESPACE = "server"

MIGRATIONS = (
    Migration(1, """
CREATE TABLE server_meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE server_account (
    name TEXT PRIMARY KEY,
    vcard TEXT NOT NULL DEFAULT '',
    archive_last INTEGER NOT NULL DEFAULT 0,
    archive_at INTEGER NOT NULL DEFAULT 0,
    roster_version INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE server_key (
    account TEXT NOT NULL,
    mechanism TEXT NOT NULL,
    salt BLOB NOT NULL,
    iterations INTEGER NOT NULL,
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    PRIMARY KEY (account, mechanism)
) WITHOUT ROWID;

-- state: see subscription.State; listed: on the contact list, not merely a request that waits
CREATE TABLE server_roster (
    owner TEXT NOT NULL,
    contact TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    groups TEXT NOT NULL DEFAULT '[]',
    state TEXT NOT NULL DEFAULT 'none',
    listed INTEGER NOT NULL DEFAULT 1,
    request TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, contact)
) WITHOUT ROWID;

-- seq is dense in each archive and is what clients know as the archive id
CREATE TABLE server_archive (
    owner TEXT NOT NULL,
    seq INTEGER NOT NULL,
    peer TEXT NOT NULL,
    at INTEGER NOT NULL,
    stanza TEXT NOT NULL,
    PRIMARY KEY (owner, seq)
) WITHOUT ROWID;
CREATE INDEX server_archive_peer ON server_archive (owner, peer, seq);

-- archived messages that no client of the owner has taken yet
CREATE TABLE server_pending (
    owner TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (owner, seq)
) WITHOUT ROWID;
"""),
)
