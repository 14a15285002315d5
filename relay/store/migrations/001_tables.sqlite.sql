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
    paused_because TEXT,
    accepted_at INTEGER,               -- the last write that VTEX accepted
    credentials TEXT,                  -- digest of those that were tried last
    permits INTEGER NOT NULL DEFAULT 0,        -- millionths of a call
    permits_at INTEGER NOT NULL DEFAULT 0,
    claims INTEGER NOT NULL DEFAULT 0,      -- one in ten is for the backlog
    credentials_at INTEGER
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
    -- what is to be announced, as resolved at registration
    tracking_number TEXT,
    tracking_url TEXT,
    courier TEXT,
    dispatched_date TEXT,
    -- what VTEX accepted, word for word
    announced_as TEXT,
    vtex_invoice_number TEXT,
    looked_at INTEGER,
    -- when there is something to do
    due_at INTEGER,
    news_due_at INTEGER,
    first_news_at INTEGER,
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
    true_sent_at INTEGER,
    delivered_told_at INTEGER,
    verified_at INTEGER,
    last_event_at INTEGER,
    closed_at INTEGER,
    closed_because TEXT,
    stuck_at INTEGER,
    stuck_because TEXT,
    waiting_because TEXT,
    ready_at INTEGER GENERATED ALWAYS AS (
        CASE WHEN stuck_because IS NOT NULL OR lease IS NOT NULL
              OR (due_at IS NULL AND news_due_at IS NULL) THEN NULL
        ELSE max(min(coalesce(due_at, news_due_at), coalesce(news_due_at, due_at)),
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
    WHERE stuck_because IS NOT NULL;
CREATE INDEX shipments_in_doubt ON shipments (account, shipment)
    WHERE in_doubt_since IS NOT NULL;
CREATE INDEX shipments_without_number ON shipments (account, shipment)
    WHERE tracking_number IS NULL;
CREATE INDEX shipments_open_by_account ON shipments (account, shipment)
    WHERE closed_at IS NULL;
CREATE INDEX shipments_not_delivered ON shipments (account, shipment)
    WHERE closed_at IS NOT NULL AND delivered_told_at IS NULL;
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
    polled_at INTEGER,
    poll_at INTEGER,
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
    brought INTEGER,                   -- new events
    unreadable_because TEXT
) STRICT;

CREATE INDEX documents_unread ON documents (document)
    WHERE read_at IS NULL AND parked = 0;
CREATE INDEX documents_parked ON documents (contract) WHERE parked = 1;
CREATE INDEX documents_unreadable ON documents (document)
    WHERE unreadable_because IS NOT NULL;

-- Untrusted requests, the last few, so that a wrong secret can be mended.
CREATE TABLE asides (
    aside INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    presented TEXT NOT NULL,           -- keyed hash of a static secret
    because TEXT NOT NULL
) STRICT;

CREATE INDEX asides_by_contract ON asides (contract, aside);

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
    quarantined_because TEXT,
    judged TEXT,                       -- released or dropped, by a person or a rule
    PRIMARY KEY (shipment, event, volume)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_parcels_by_event ON event_parcels (event);
CREATE INDEX event_parcels_quarantined ON event_parcels (event)
    WHERE quarantined_because IS NOT NULL AND judged IS NULL;

-- The exact objects that were sent; accepted_at says that VTEX took them.
CREATE TABLE told (
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
    kind TEXT NOT NULL,                -- look, announce, publish, settle
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
