-- What carriers did on each day, counted once; days are numbers of days in the contract's zone.
CREATE TABLE carrier_days (
    contract TEXT NOT NULL,
    day INTEGER NOT NULL,              -- days since 1970
    registered INTEGER NOT NULL DEFAULT 0, -- shipments
    events INTEGER NOT NULL DEFAULT 0,
    -- events with a time of day, by how long after it they arrived
    within_15m INTEGER NOT NULL DEFAULT 0,
    within_1h INTEGER NOT NULL DEFAULT 0,
    within_6h INTEGER NOT NULL DEFAULT 0,
    within_24h INTEGER NOT NULL DEFAULT 0,
    later INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (contract, day)
) STRICT, WITHOUT ROWID;

-- Published deliveries, by the day and the state of the carrier's scan.
CREATE TABLE carrier_deliveries (
    contract TEXT NOT NULL,
    day INTEGER NOT NULL,
    state TEXT NOT NULL,               -- empty: the scan has none
    delivered INTEGER NOT NULL,
    travelled INTEGER NOT NULL,        -- those whose dispatch is known
    travel_seconds INTEGER NOT NULL,   -- of these, in total
    promised INTEGER NOT NULL,         -- those with a promised day
    late INTEGER NOT NULL,             -- of these, delivered after it
    PRIMARY KEY (contract, day, state)
) STRICT, WITHOUT ROWID;

-- How far the counting is: the last event, shipment and delivery.
CREATE TABLE statistics_progress (
    id INTEGER NOT NULL PRIMARY KEY,   -- 1
    event INTEGER NOT NULL,
    shipment INTEGER NOT NULL,
    delivered_at INTEGER NOT NULL,
    delivered_shipment INTEGER NOT NULL,
    counted_at INTEGER                 -- when nothing was left to count
) STRICT;

CREATE INDEX shipments_delivered ON shipments (delivered_published_at, shipment)
    WHERE delivered_published_at IS NOT NULL;
