-- Polling: when each parcel is asked for, and how each contract may be asked.

ALTER TABLE parcels ADD COLUMN poll_lane INTEGER NOT NULL DEFAULT 2; -- 0 a person asks, 1 urgent, 3 quiet
ALTER TABLE parcels ADD COLUMN poll_failures INTEGER NOT NULL DEFAULT 0; -- claims without an answer
ALTER TABLE parcels ADD COLUMN subscribe_at INTEGER;
ALTER TABLE parcels ADD COLUMN subscribed_until INTEGER;

CREATE INDEX parcels_to_poll ON parcels (contract, poll_lane, poll_at)
    WHERE poll_at IS NOT NULL;
CREATE INDEX parcels_to_subscribe ON parcels (contract, subscribe_at)
    WHERE subscribe_at IS NOT NULL;

UPDATE parcels SET poll_at = registered_at, subscribe_at = registered_at
WHERE shipment IN (SELECT shipment FROM shipments WHERE closed_at IS NULL);

-- One row per contract that is asked; it is locked for every claim of a call.
CREATE TABLE polls (
    contract TEXT NOT NULL PRIMARY KEY,
    day INTEGER NOT NULL DEFAULT 0,        -- in the contract's zone
    used INTEGER NOT NULL DEFAULT 0,       -- calls of that day
    calls INTEGER NOT NULL DEFAULT 0,      -- one in ten is for what is quiet
    next_at INTEGER NOT NULL DEFAULT 0,    -- the spacing between calls
    lease TEXT,
    busy_until INTEGER NOT NULL DEFAULT 0, -- one call at a time
    failures INTEGER NOT NULL DEFAULT 0,   -- in a row
    open_until INTEGER NOT NULL DEFAULT 0, -- the breaker, or the carrier's wish
    because TEXT,
    cursor TEXT NOT NULL DEFAULT '',
    fetch_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Answers that no adapter can read were kept once.
CREATE TABLE poll_unreadables (
    contract TEXT NOT NULL,
    digest TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (contract, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX poll_unreadables_by_age ON poll_unreadables (contract, seen_at);

-- Whoever closes or reopens a shipment: what is closed is not asked for.
CREATE TRIGGER shipment_closed AFTER UPDATE OF closed_at ON shipments
WHEN OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL
BEGIN
    UPDATE parcels SET poll_at = NULL, subscribe_at = NULL
    WHERE shipment = NEW.shipment;
END;

CREATE TRIGGER shipment_reopened AFTER UPDATE OF closed_at ON shipments
WHEN OLD.closed_at IS NOT NULL AND NEW.closed_at IS NULL
BEGIN
    UPDATE parcels
    SET poll_at = coalesce(NEW.tried_at, NEW.last_event_at, NEW.registered_at),
        subscribe_at = coalesce(NEW.tried_at, NEW.last_event_at, NEW.registered_at),
        poll_failures = 0
    WHERE shipment = NEW.shipment;
END;
