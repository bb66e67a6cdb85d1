"""The service's tables. A step once released is never edited; a change is a further step."""

from __future__ import annotations

from tulou_contracts.storage import Migration

NAMESPACE = "company"

MIGRATIONS = (
    Migration(1, """
CREATE TABLE company_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- issues as they were signed; the newest of a kind, audience and account holds. It is never taken away,
-- so no version is given twice
CREATE TABLE company_document (
    kind TEXT NOT NULL,
    audience TEXT NOT NULL,
    account TEXT NOT NULL,
    version INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL DEFAULT 0,
    text TEXT NOT NULL,
    PRIMARY KEY (kind, audience, account, version)
) WITHOUT ROWID;

CREATE TABLE company_token (
    hash TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE company_event (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (account, id)
);

CREATE TABLE company_count (
    collector TEXT NOT NULL,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (collector, name)
) WITHOUT ROWID;

CREATE TABLE company_log (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    encoding TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (account, digest)
);
"""),
    Migration(2, """
-- what a client sends in parts is one report: the parts carry its id, and their place in it
ALTER TABLE company_log ADD COLUMN report TEXT NOT NULL DEFAULT '';
ALTER TABLE company_log ADD COLUMN part INTEGER NOT NULL DEFAULT 1;
"""),
)
