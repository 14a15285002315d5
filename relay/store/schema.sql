-- The database as it is today, written for SQLite. `relay/store/schema.py` renders it
-- for PostgreSQL: wider integers, identity columns, no STRICT. What the two spell
-- differently altogether stands in schema.sqlite.sql and schema.postgres.sql.
-- Instants are whole microseconds since 1970, UTC. Lists are JSON texts.

CREATE TABLE accounts (
    account TEXT NOT NULL PRIMARY KEY,
    write_closed TEXT,                 -- why, in VTEX's words
    write_retry_at INTEGER,
    read_closed TEXT,
    read_retry_at INTEGER,
    busy_until INTEGER,                -- 429 and 503 close everything
    outage_since INTEGER,              -- one probe at a time
    probe_at INTEGER,
    refused_words TEXT,
    refused_count INTEGER NOT NULL DEFAULT 0,
    paused_reason TEXT,
    accepted_at INTEGER,               -- the last write that VTEX accepted
    credentials TEXT,                  -- digest of those that were tried last
    permits INTEGER NOT NULL DEFAULT 0,        -- millionths of a call
    permits_at INTEGER NOT NULL DEFAULT 0,
    claims INTEGER NOT NULL DEFAULT 0       -- one in ten is for the backlog
) STRICT, WITHOUT ROWID;

CREATE TABLE shipments (
    shipment INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    order_id TEXT NOT NULL,
    invoice_number TEXT NOT NULL,
    contract TEXT NOT NULL,
    invoice_key TEXT,
    volumes INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    dispatched_at INTEGER,             -- the earliest dispatch date given
    promised_on TEXT,
    -- the tracking number to send, as resolved at registration
    tracking_number TEXT,
    tracking_url TEXT,
    courier TEXT,
    dispatched_date TEXT,
    -- what VTEX accepted, word for word
    tracking_sent_as TEXT,
    vtex_invoice_number TEXT,
    order_read_at INTEGER,
    -- when there is something to do
    due_at INTEGER,
    events_due_at INTEGER,
    events_waiting_since INTEGER,
    not_before INTEGER,
    lane INTEGER NOT NULL DEFAULT 0,
    lease TEXT,
    lease_until INTEGER,
    news INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    failing_since INTEGER,
    -- the write that was stored before it was sent, until it is settled
    pending TEXT,
    in_doubt_since INTEGER,
    delivered_sent_at INTEGER,
    delivered_published_at INTEGER,
    verified_at INTEGER,
    last_event_at INTEGER,
    closed_at INTEGER,
    closed_reason TEXT,
    stuck_at INTEGER,
    stuck_reason TEXT,
    waiting_reason TEXT,
    imported INTEGER NOT NULL DEFAULT 0, -- was on its way before it was registered
    compared_at INTEGER,               -- what VTEX showed then counts as published
    resent_at INTEGER,                 -- last time an operator had it sent again
    given TEXT NOT NULL DEFAULT '[]',  -- fields given by the ERP, not by settings
    ready_at INTEGER GENERATED ALWAYS AS (
        CASE WHEN stuck_reason IS NOT NULL OR lease IS NOT NULL
              OR (due_at IS NULL AND events_due_at IS NULL) THEN NULL
        ELSE max(min(coalesce(due_at, events_due_at), coalesce(events_due_at, due_at)),
                 coalesce(not_before, 0)) END) VIRTUAL,
    UNIQUE (account, order_id, invoice_number)
) STRICT;

CREATE INDEX shipments_ready ON shipments (account, lane, ready_at)
    WHERE ready_at IS NOT NULL;
CREATE INDEX shipments_leased ON shipments (account, lease_until)
    WHERE lease IS NOT NULL;
CREATE INDEX shipments_by_account ON shipments (account, shipment);
CREATE INDEX shipments_by_invoice ON shipments (account, invoice_number);
CREATE INDEX shipments_stuck ON shipments (account, shipment)
    WHERE stuck_reason IS NOT NULL;
CREATE INDEX shipments_in_doubt ON shipments (account, shipment)
    WHERE in_doubt_since IS NOT NULL;
CREATE INDEX shipments_without_number ON shipments (account, shipment)
    WHERE tracking_number IS NULL;
CREATE INDEX shipments_open_by_account ON shipments (account, shipment)
    WHERE closed_at IS NULL;
CREATE INDEX shipments_not_delivered ON shipments (account, shipment)
    WHERE closed_at IS NOT NULL AND delivered_published_at IS NULL;
CREATE INDEX shipments_promised ON shipments (account, promised_on, shipment)
    WHERE promised_on IS NOT NULL AND closed_at IS NULL;
CREATE INDEX shipments_open ON shipments (shipment) WHERE closed_at IS NULL;
CREATE INDEX shipments_by_key ON shipments (invoice_key)
    WHERE invoice_key IS NOT NULL;

CREATE TABLE parcels (
    shipment INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    contract TEXT NOT NULL,
    tracking_number TEXT,
    registered_at INTEGER NOT NULL,
    dispatched_at INTEGER,
    PRIMARY KEY (shipment, volume)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference_values (
    reference INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (contract, kind, value)
) STRICT;

CREATE INDEX reference_values_by_value ON reference_values (value);

-- A reference is a registration with a time; volume 0 is the whole invoice.
CREATE TABLE parcel_references (
    reference INTEGER NOT NULL,
    shipment INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    given TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    dispatched_at INTEGER,
    voided_at INTEGER,
    PRIMARY KEY (reference, shipment, volume)
) STRICT, WITHOUT ROWID;

CREATE INDEX parcel_references_by_shipment ON parcel_references (shipment);

CREATE TABLE documents (
    document INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    source TEXT NOT NULL,              -- webhook, poll, file, operator
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    read_at INTEGER,
    parked INTEGER NOT NULL DEFAULT 0, -- its contract is not configured
    tries INTEGER NOT NULL DEFAULT 0,
    replays INTEGER NOT NULL DEFAULT 0,
    digest TEXT,                       -- of the original, once it was cut
    new_events INTEGER,                   -- new events
    unreadable_reason TEXT
) STRICT;

CREATE INDEX documents_unread ON documents (document)
    WHERE read_at IS NULL AND parked = 0;
CREATE INDEX documents_parked ON documents (contract) WHERE parked = 1;
CREATE INDEX documents_unreadable ON documents (document)
    WHERE unreadable_reason IS NOT NULL;

-- Requests that failed verification: the last few, to correct a wrong secret.
CREATE TABLE rejected_requests (
    rejected_request INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    presented TEXT NOT NULL,           -- keyed hash of a static secret
    because TEXT NOT NULL,
    accepted_at INTEGER                -- stays, without its body, until it is trimmed:
                                       -- a reused number would let another request in
) STRICT;

CREATE INDEX asides_by_contract ON rejected_requests (contract, rejected_request);

CREATE TABLE events (
    event INTEGER PRIMARY KEY,
    reference INTEGER NOT NULL,        -- the identifying one
    second INTEGER NOT NULL,
    code TEXT NOT NULL,
    text_key TEXT NOT NULL,            -- only where there is no code
    refs TEXT NOT NULL,                -- all references, best first
    occurred_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    milestone TEXT NOT NULL,
    reason TEXT,
    effect TEXT NOT NULL,
    final INTEGER NOT NULL,
    undoes TEXT NOT NULL,
    description TEXT NOT NULL,
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    country TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    written_from INTEGER NOT NULL,     -- receipt of the document written from
    via INTEGER,                       -- the reference by which it counts
    withdrawn_at INTEGER,
    UNIQUE (reference, second, code, text_key)
) STRICT;

CREATE INDEX events_unmatched ON events (received_at)
    WHERE via IS NULL AND withdrawn_at IS NULL;
CREATE INDEX events_unknown ON events (event) WHERE milestone = 'unknown';

CREATE TABLE event_references (
    reference INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (reference, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_documents (
    document INTEGER NOT NULL,
    event INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (document, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_documents_by_event ON event_documents (event);

-- Which parcels an event counts for; volume 0 is all parcels of the invoice.
CREATE TABLE event_parcels (
    shipment INTEGER NOT NULL,
    event INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    ambiguous INTEGER NOT NULL DEFAULT 0,
    quarantine_reason TEXT,
    decision TEXT,                       -- released or dropped, by a person or a rule
    PRIMARY KEY (shipment, event, volume)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_parcels_by_event ON event_parcels (event);
CREATE INDEX event_parcels_quarantined ON event_parcels (event)
    WHERE quarantine_reason IS NOT NULL AND decision IS NULL;

-- The exact objects that were sent; accepted_at says that VTEX took them.
CREATE TABLE published (
    shipment INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    code TEXT NOT NULL,
    position INTEGER NOT NULL,
    object TEXT NOT NULL,
    event INTEGER,
    stored_at INTEGER NOT NULL,
    accepted_at INTEGER,
    withdrawn_at INTEGER,
    PRIMARY KEY (shipment, volume, occurred_at, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE vtex_calls (
    call TEXT NOT NULL PRIMARY KEY,    -- UUIDv7
    shipment INTEGER NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,                -- read_order, send_tracking_number, send_events
    body TEXT,
    stored_at INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 1,
    answered_at INTEGER,
    status INTEGER,
    words TEXT,
    receipt TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX vtex_calls_by_shipment ON vtex_calls (shipment, call);

-- What the relay and people did, for the timeline.
CREATE TABLE notes (
    note INTEGER PRIMARY KEY,
    shipment INTEGER NOT NULL,
    noted_at INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX notes_by_shipment ON notes (shipment, note);

-- Each carrier that has a parcel is asked for it: the first, and those it was handed to.

CREATE TABLE parcel_polls (
    shipment INTEGER NOT NULL,
    contract TEXT NOT NULL,
    volume INTEGER NOT NULL,
    tracking_number TEXT,                  -- under this contract
    registered_at INTEGER NOT NULL,
    polled_at INTEGER,
    poll_at INTEGER,
    poll_lane INTEGER NOT NULL DEFAULT 2,    -- 0 a person asks, 1 urgent, 3 quiet
    poll_failures INTEGER NOT NULL DEFAULT 0, -- claims without an answer
    subscribe_at INTEGER,
    subscribed_until INTEGER,
    PRIMARY KEY (shipment, contract, volume)
) STRICT, WITHOUT ROWID;

CREATE INDEX parcel_polls_due ON parcel_polls (contract, poll_lane, poll_at)
    WHERE poll_at IS NOT NULL;
CREATE INDEX parcel_polls_to_subscribe ON parcel_polls (contract, subscribe_at)
    WHERE subscribe_at IS NOT NULL;

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
