-- The tables of the console: what was changed, and who is signed in.

-- What operators changed, by API, command line or console; a label is no such change.
CREATE TABLE audit_entries (
    entry INTEGER PRIMARY KEY,
    done_at INTEGER NOT NULL,
    by_whom TEXT NOT NULL,
    through TEXT NOT NULL,             -- api, command line, console
    did TEXT NOT NULL,
    account TEXT,                      -- NULL: about a contract, or about none
    contract TEXT,
    shipment_id TEXT,
    reason TEXT NOT NULL,
    details TEXT NOT NULL              -- an object: what else is known of the change
) STRICT;

CREATE INDEX audit_entries_by_shipment ON audit_entries (shipment_id)
    WHERE shipment_id IS NOT NULL;

-- People who are signed in to the console.
CREATE TABLE console_sessions (
    session TEXT NOT NULL PRIMARY KEY, -- digest of the id in the cookie
    person TEXT NOT NULL,
    content TEXT NOT NULL,             -- an object
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX console_sessions_by_end ON console_sessions (ends_at);
