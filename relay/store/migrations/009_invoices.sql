-- The tables of invoices that the relay posts.

-- Invoices that the relay posts to VTEX for the ERP. A row is stored before its request is
-- answered. Only the earliest unfinished one of an order is posted: totals are compared.
CREATE TABLE invoices (
    invoice INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,           -- public: UUIDv7
    account TEXT NOT NULL,
    order_id TEXT NOT NULL,
    invoice_number TEXT NOT NULL,
    type TEXT NOT NULL,                -- Output, or Input: a return with a refund
    value TEXT NOT NULL,               -- cents
    body TEXT NOT NULL,                -- exactly what VTEX gets
    warnings TEXT NOT NULL,            -- of the request
    registered_at INTEGER NOT NULL,
    registered_by TEXT NOT NULL,
    -- when to work on it; NULL: posted, stuck, cancelled or erased
    due_at INTEGER,
    lease TEXT,
    lease_until INTEGER,
    tried_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    pending TEXT,                      -- the write that was stored before it was sent
    in_doubt_since INTEGER,            -- since when it is unconfirmed
    unseen_since INTEGER,              -- since when the order read afterwards lacks it
    posted_at INTEGER,                 -- VTEX accepted or showed it
    receipt TEXT,                      -- VTEX's receipt; NULL: the order showed it
    order_warnings TEXT NOT NULL DEFAULT '[]', -- from the comparison with the order
    -- a return whose package an operator has marked as delivered
    delivery_requested_at INTEGER,
    delivery_requested_by TEXT,
    delivered_at INTEGER,              -- VTEX accepted or showed it
    waiting_reason TEXT,
    stuck_reason TEXT,
    closed_reason TEXT,                -- cancelled or erased: never posted
    UNIQUE (account, order_id, invoice_number)
) STRICT;

CREATE INDEX invoices_due ON invoices (account, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX invoices_leased ON invoices (account, lease_until) WHERE lease IS NOT NULL;
CREATE INDEX invoices_stuck ON invoices (account, invoice)
    WHERE stuck_reason IS NOT NULL;
CREATE INDEX invoices_by_account ON invoices (account, invoice);

-- The log of calls to VTEX for invoices; the body of a post is the invoice's.
CREATE TABLE invoice_calls (
    call TEXT NOT NULL PRIMARY KEY,    -- UUIDv7: sorts by time
    invoice INTEGER NOT NULL,
    kind TEXT NOT NULL,                -- read_order, post_invoice, close_return
    stored_at INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 1,   -- 0: no request left the relay
    answered_at INTEGER,
    status INTEGER,
    message TEXT                       -- VTEX's error message, or the network error
) STRICT, WITHOUT ROWID;

CREATE INDEX invoice_calls_by_invoice ON invoice_calls (invoice, call);
