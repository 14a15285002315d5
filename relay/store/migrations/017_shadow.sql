-- Shadow mode: an account to which nothing is written, and how VTEX differs meanwhile.

ALTER TABLE accounts ADD COLUMN shadow_since INTEGER;
ALTER TABLE shipments ADD COLUMN shadowed_at INTEGER;

CREATE TABLE shadow_comparisons (
    shipment INTEGER NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    tried_at INTEGER NOT NULL,
    version INTEGER,
    compared_at INTEGER,
    differences TEXT NOT NULL DEFAULT '[]',
    requests TEXT NOT NULL DEFAULT '[]',
    problem TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX shadow_comparisons_by_account ON shadow_comparisons (account, shipment);
