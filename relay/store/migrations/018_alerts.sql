-- Alerts, and what they are judged by.

CREATE INDEX shipments_repaired ON shipments (account, repaired_at)
    WHERE repaired_at IS NOT NULL;

-- Alerts: open ones, and those that are over. The texts are the relay's own words.
CREATE TABLE alerts (
    alert INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,             -- an account, a contract, a process: with `kind` the key
    account TEXT,
    contract TEXT,
    party TEXT NOT NULL,               -- relay, vtex, carrier
    text TEXT NOT NULL,
    hint TEXT NOT NULL,
    command TEXT NOT NULL,
    page TEXT NOT NULL,
    since INTEGER,                     -- since when it is so, if that is known
    opened_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,          -- the last round in which it was so
    raised_at INTEGER,                 -- NULL: it has not lasted long enough
    notified_at INTEGER,               -- the last message about it
    resolved_at INTEGER,
    returns INTEGER NOT NULL DEFAULT 0 -- how often it opened again within a day
) STRICT;

CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_resolved ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

-- When the next round is due. The replica that has this row locked does it.
CREATE TABLE alert_rounds (
    id INTEGER NOT NULL PRIMARY KEY,   -- 1
    next_at INTEGER NOT NULL,
    watched_since INTEGER NOT NULL     -- rounds were done without a break since
) STRICT;

-- Messages to send, one per channel and round; deleted once they are sent.
CREATE TABLE alert_messages (
    message INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,             -- email, chat
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, -- counted before sending
    try_at INTEGER NOT NULL
) STRICT;

-- Each channel: when it last worked, and why it does not.
CREATE TABLE alert_channels (
    channel TEXT NOT NULL PRIMARY KEY, -- email, chat, heartbeat
    sent_at INTEGER,
    failed_at INTEGER,
    problem TEXT,                      -- NULL: the last call worked
    failures INTEGER NOT NULL DEFAULT 0 -- in a row
) STRICT, WITHOUT ROWID;

-- The hours of four weeks in which each contract's carrier called, by their number.
CREATE TABLE contract_rhythms (
    contract TEXT NOT NULL PRIMARY KEY,
    first_hour INTEGER NOT NULL,       -- observed since
    hours TEXT NOT NULL                -- a list of numbers
) STRICT, WITHOUT ROWID;

-- Each process's reasons not to be ready, as it last said.
CREATE TABLE process_reports (
    process TEXT NOT NULL PRIMARY KEY,
    reported_at INTEGER NOT NULL,
    reasons TEXT NOT NULL              -- a list of texts
) STRICT, WITHOUT ROWID;
