-- Outgoing events: their deliveries and receivers.
ALTER TABLE shipments ADD COLUMN outgoing_progress TEXT;
ALTER TABLE shipments ADD COLUMN outgoing_late_on TEXT;

CREATE TABLE outgoing_events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    account TEXT,
    shipment_id TEXT,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;

CREATE INDEX outgoing_events_of_shipment ON outgoing_events (shipment_id, number)
    WHERE shipment_id IS NOT NULL;

CREATE TABLE outgoing_deliveries (
    id TEXT NOT NULL,
    receiver TEXT NOT NULL,
    next_at INTEGER,
    give_up_at INTEGER NOT NULL,
    lease TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    status INTEGER,
    error TEXT,
    delivered_at INTEGER,
    failed_at INTEGER,
    PRIMARY KEY (id, receiver)
) STRICT, WITHOUT ROWID;

CREATE INDEX outgoing_deliveries_due ON outgoing_deliveries (receiver, next_at)
    WHERE next_at IS NOT NULL;
CREATE INDEX outgoing_deliveries_failed ON outgoing_deliveries (receiver, failed_at)
    WHERE failed_at IS NOT NULL;

CREATE TABLE outgoing_receivers (
    receiver TEXT NOT NULL PRIMARY KEY,
    address TEXT NOT NULL,
    disabled_at INTEGER,
    failing_since INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    delivered_at INTEGER
) STRICT, WITHOUT ROWID;
