-- Orders of which VTEX notified the relay, by feed or hook: each is read, and its parcels
-- are registered.
CREATE TABLE discovered_orders (
    account TEXT NOT NULL,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL,               -- of the latest notification
    source TEXT NOT NULL,              -- feed, hook
    event_id TEXT NOT NULL,            -- of the latest notification; empty: from a hook
    changed_at INTEGER,                -- when the order changed, as VTEX says
    notified_at INTEGER NOT NULL,      -- receipt of the latest notification
    look_at INTEGER,                   -- when the order is read next; NULL: at rest
    looked_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0, -- reads that failed, in a row
    version INTEGER NOT NULL DEFAULT 0,  -- raised by every new notification
    repeated INTEGER NOT NULL DEFAULT 0, -- 1: it was read again a day later
    outcome TEXT NOT NULL DEFAULT '',  -- of the last read
    detail TEXT NOT NULL DEFAULT '',
    registered TEXT NOT NULL DEFAULT '{}', -- tracking numbers by invoice number
    PRIMARY KEY (account, order_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX discovered_orders_due ON discovered_orders (account, look_at)
    WHERE look_at IS NOT NULL;
CREATE INDEX discovered_orders_by_time ON discovered_orders (account, notified_at);

-- Feed and hook of each account: whether VTEX has their configurations.
CREATE TABLE discovery_states (
    account TEXT NOT NULL PRIMARY KEY,
    feed_ready_at INTEGER,             -- when VTEX last showed the configuration
    feed_problem TEXT,
    feed_fetched_at INTEGER,           -- the last lot
    feed_emptied_at INTEGER,           -- the last lot after which nothing was left
    feed_notified_at INTEGER,          -- the last notification
    hook_ready_at INTEGER,
    hook_problem TEXT,
    hook_pinged_at INTEGER,
    hook_notified_at INTEGER,
    order_problem TEXT                 -- why orders cannot be read
) STRICT, WITHOUT ROWID;
