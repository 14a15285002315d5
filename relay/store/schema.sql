-- The current schema, written for SQLite. relay/store/schema.py renders it for PostgreSQL:
-- BIGINT, identity columns, no STRICT. Triggers and functions differ entirely: they are in
-- schema.sqlite.sql and schema.postgres.sql.
--
-- Columns named `*_at`, `*_since`, `*_until` hold microseconds since 1970, UTC; `*_on` hold
-- ISO dates. Lists and objects are JSON texts. Booleans are 0 and 1.
-- Without foreign keys: rows are deleted in slices, each table by its own age.

-- One row per VTEX account: whether the relay may call VTEX, and how fast.

CREATE TABLE accounts (
    account TEXT NOT NULL PRIMARY KEY,
    write_closed TEXT,                 -- VTEX's message, if VTEX forbade writing
    write_retry_at INTEGER,
    read_closed TEXT,                  -- VTEX's message, if VTEX forbade reading orders
    read_retry_at INTEGER,
    busy_until INTEGER,                -- no calls before: VTEX answered 429 or 503
    outage_since INTEGER,              -- VTEX does not answer: one probe at a time
    probe_at INTEGER,
    write_suspected_at INTEGER,        -- the last write that failed, since one was accepted
    refused_message TEXT,              -- the latest refusal, and how often in a row
    refused_count INTEGER NOT NULL DEFAULT 0,
    paused_reason TEXT,
    accepted_at INTEGER,               -- the last write that VTEX accepted
    credentials TEXT,                  -- digest of the last ones used; new ones reopen gates
    permits INTEGER NOT NULL DEFAULT 0,    -- token bucket, in millionths of a call
    permits_at INTEGER NOT NULL DEFAULT 0,
    claims INTEGER NOT NULL DEFAULT 0,     -- every tenth starts with the backlog
    list_mode TEXT,                    -- what an update does to VTEX's list, as learned
    list_mode_evidence TEXT,           -- the order that showed it, and what it showed
    list_mode_at INTEGER,
    read_backs_day INTEGER NOT NULL DEFAULT 0, -- number of the UTC day
    read_backs INTEGER NOT NULL DEFAULT 0,     -- on that day, for the quota
    shadow_since INTEGER               -- since when nothing is written: shadow mode
) STRICT, WITHOUT ROWID;

-- One row per invoice: the unit of work. The publisher claims rows by `ready_at`.
CREATE TABLE shipments (
    shipment INTEGER PRIMARY KEY,      -- internal: narrow keys in the other tables
    id TEXT NOT NULL UNIQUE,           -- public: UUIDv7
    account TEXT NOT NULL,
    order_id TEXT NOT NULL,
    invoice_number TEXT NOT NULL,
    contract TEXT NOT NULL,
    invoice_key TEXT,                  -- 44-digit NF-e access key
    volumes INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    dispatched_at INTEGER,             -- the earliest of all labels
    promised_on TEXT,                  -- estimated delivery date
    -- the tracking number to send, as resolved at registration
    tracking_number TEXT,
    tracking_url TEXT,
    courier TEXT,
    dispatched_date TEXT,
    -- exactly what VTEX accepted
    tracking_sent_as TEXT,
    vtex_invoice_number TEXT,          -- if VTEX spells it otherwise, such as 0055
    order_read_at INTEGER,
    -- when to publish
    due_at INTEGER,                    -- for a label, an operator or a retry
    events_due_at INTEGER,             -- for new events, after the quiet time
    events_waiting_since INTEGER,      -- bounds how long further events may postpone it
    not_before INTEGER,                -- backoff, or the wait after an unconfirmed write
    lane INTEGER NOT NULL DEFAULT 0,   -- 0 events, 1 backlog, 2 labels
    lease TEXT,
    lease_until INTEGER,
    version INTEGER NOT NULL DEFAULT 0, -- raised by every change that may need publishing
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    failing_since INTEGER,
    -- the write that was stored before it was sent, until it is settled
    pending TEXT,
    in_doubt_since INTEGER,            -- since when a write is unconfirmed
    delivered_sent_at INTEGER,         -- first call with `isDelivered`, answered or not
    delivered_published_at INTEGER,    -- VTEX accepted it
    taking_back TEXT,                  -- a published delivery: requested, sent
    -- reading back what VTEX shows
    delivered_as TEXT,                 -- `deliveredDate` as it was sent
    updates INTEGER NOT NULL DEFAULT 0, -- accepted updates of the list of events
    shown_before TEXT,                 -- digests of events that VTEX showed before them
    read_back_at INTEGER,              -- when to read the order back; NULL: not
    read_backs INTEGER NOT NULL DEFAULT 0, -- those that the quota was used for
    difference_at INTEGER,             -- since when VTEX shows something else
    repaired_at INTEGER,               -- when a difference was sent again
    verified_at INTEGER,               -- since when VTEX shows what was sent
    contradicted_at INTEGER,           -- since when events contradict it
    contradicted_reason TEXT,
    last_event_at INTEGER,             -- receipt of the latest event
    closed_at INTEGER,
    closed_reason TEXT,
    stuck_at INTEGER,
    stuck_reason TEXT,
    waiting_reason TEXT,
    imported INTEGER NOT NULL DEFAULT 0, -- dispatched before it was registered
    compared_at INTEGER,               -- when events shown by VTEX were accepted as published
    resent_at INTEGER,                 -- last resend by an operator
    given TEXT NOT NULL DEFAULT '[]',  -- fields set by the ERP; a resend keeps them
    shadowed_at INTEGER,               -- when the account's shadow mode ended
    outgoing_progress TEXT,            -- what outgoing events were recorded
    outgoing_late_on TEXT,             -- the promised day of the last event "late"
    -- Set by triggers, whenever a column changes that lists show.
    updated_at INTEGER NOT NULL DEFAULT 0, -- the latest time in the row or in a note
    change_number INTEGER NOT NULL DEFAULT 0, -- grows in the order of commits
    -- NULL while stuck, leased or at rest: an index on it costs what is ready, not all rows
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
CREATE INDEX shipments_contradicted ON shipments (account, shipment)
    WHERE contradicted_reason IS NOT NULL;
CREATE INDEX shipments_repaired ON shipments (account, repaired_at)
    WHERE repaired_at IS NOT NULL;
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
CREATE INDEX shipments_by_change ON shipments (change_number, shipment);
CREATE INDEX shipments_by_update ON shipments (updated_at, change_number);
CREATE INDEX shipments_by_key ON shipments (invoice_key)
    WHERE invoice_key IS NOT NULL;

-- Shipments of accounts in shadow mode: how VTEX differed when its order was read. Rows
-- are deleted when shadow mode ends.
CREATE TABLE shadow_comparisons (
    shipment INTEGER NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    tried_at INTEGER NOT NULL,         -- the last read, answered or not
    version INTEGER,                   -- of the shipment; NULL: read again soon
    compared_at INTEGER,               -- the last read that showed the order
    differences TEXT NOT NULL DEFAULT '[]',
    requests TEXT NOT NULL DEFAULT '[]', -- what the relay would send now
    problem TEXT                       -- why the last read showed nothing
) STRICT, WITHOUT ROWID;

CREATE INDEX shadow_comparisons_by_account ON shadow_comparisons (account, shipment);

-- SQLite: the latest change number. PostgreSQL: what is added to a transaction's id, so that
-- numbers go on growing in a database that was restored on another server.
CREATE TABLE change_counter (
    id INTEGER NOT NULL PRIMARY KEY,   -- 1
    latest INTEGER NOT NULL
) STRICT;

-- The boxes of a shipment, numbered from 1.
CREATE TABLE parcels (
    shipment INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    contract TEXT NOT NULL,
    tracking_number TEXT,
    registered_at INTEGER NOT NULL,
    dispatched_at INTEGER,
    PRIMARY KEY (shipment, volume)
) STRICT, WITHOUT ROWID;

-- Every tracking number, order id and other reference of labels and events, once per
-- contract. Labels and events are matched, and lock each other, through these rows.
CREATE TABLE reference_values (
    reference INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,               -- normalized for comparison
    UNIQUE (contract, kind, value)
) STRICT;

CREATE INDEX reference_values_by_value ON reference_values (value);

-- Which parcel a reference belongs to, and from when on: numbers are reused.
-- Volume 0 is the whole invoice.
CREATE TABLE parcel_references (
    reference INTEGER NOT NULL,
    shipment INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    given TEXT NOT NULL,               -- the value as received
    registered_at INTEGER NOT NULL,
    dispatched_at INTEGER,
    voided_at INTEGER,
    PRIMARY KEY (reference, shipment, volume)
) STRICT, WITHOUT ROWID;

CREATE INDEX parcel_references_by_shipment ON parcel_references (shipment);

-- What carriers sent, stored before it is parsed.
CREATE TABLE documents (
    document INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    source TEXT NOT NULL,              -- webhook, poll, file, operator, endpoint
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    read_at INTEGER,                   -- when it was parsed
    parked INTEGER NOT NULL DEFAULT 0, -- its contract is not configured
    tries INTEGER NOT NULL DEFAULT 0,  -- counted before parsing: a crash counts
    replays INTEGER NOT NULL DEFAULT 0,
    digest TEXT,                       -- of the body as received, if data was removed
    new_events INTEGER,                -- how many of its events were new
    unreadable_reason TEXT,            -- of the whole document, or of some of its events
    partly_parsed INTEGER NOT NULL DEFAULT 0, -- some events are unreadable, others count
    -- position and reason of each unreadable part; a replay compares them
    unreadable_parts TEXT NOT NULL DEFAULT '[]',
    traceback TEXT,                    -- of the first error, without content
    trace TEXT                         -- of the request that brought it, if traced
) STRICT;

CREATE INDEX documents_unread ON documents (document)
    WHERE read_at IS NULL AND parked = 0;
CREATE INDEX documents_parked ON documents (contract) WHERE parked = 1;
CREATE INDEX documents_unreadable ON documents (document)
    WHERE unreadable_reason IS NOT NULL;

-- The latest requests that failed verification, to verify them again after a correction.
-- Never parsed.
CREATE TABLE rejected_requests (
    rejected_request INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    headers TEXT NOT NULL,             -- those that are stored with documents
    body BLOB NOT NULL,
    sealed BLOB NOT NULL,              -- encrypted: all that verification needs
    size INTEGER NOT NULL,             -- bytes that count against the contract's limit
    reason TEXT NOT NULL,
    unsigned INTEGER NOT NULL DEFAULT 0, -- 1: it had no signature at all
    -- An accepted row stays, without its content, until it is trimmed: SQLite would assign
    -- its number again, and repeating "accept" would accept another request.
    accepted_at INTEGER
) STRICT;

CREATE INDEX rejected_requests_by_contract
    ON rejected_requests (contract, rejected_request);

-- The last handshake of each contract: a request by which its carrier tests the address.
CREATE TABLE handshakes (
    contract TEXT NOT NULL PRIMARY KEY,
    answered_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How many requests of a contract failed verification, stored or not.
CREATE TABLE rejected_counts (
    contract TEXT NOT NULL PRIMARY KEY,
    rejected INTEGER NOT NULL,
    dropped INTEGER NOT NULL,          -- not stored, or deleted, for lack of room
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Refused requests at webhook addresses, counted by what was wrong with them.
CREATE TABLE refused_webhooks (
    refusal INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,            -- empty: no such contract
    path TEXT NOT NULL,                -- what could be a secret is redacted
    method TEXT NOT NULL,
    status INTEGER NOT NULL,
    reason TEXT NOT NULL,
    hint TEXT NOT NULL,
    requests INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    UNIQUE (contract, path, method, status, reason)
) STRICT;

CREATE INDEX refused_webhooks_by_time ON refused_webhooks (last_at, refusal);

-- Tracking events. Identity: reference, second, carrier code, and a text's digest.
-- A scan that is known to the minute or day, and to the second, is one event.
CREATE TABLE events (
    event INTEGER PRIMARY KEY,
    reference INTEGER NOT NULL,        -- the identifying reference
    second INTEGER NOT NULL,           -- `occurred_at` in seconds since 1970
    code TEXT NOT NULL,
    -- Digest of the case-folded description; empty if there is a code. PostgreSQL refuses
    -- rows of an index above 2.7 KB, so no text of any length is part of one.
    text_key TEXT NOT NULL,
    refs TEXT NOT NULL,                -- all references, best first
    occurred_at INTEGER NOT NULL,
    precision INTEGER NOT NULL,        -- the unit that begins then, in seconds: 1, 60, a day
    midnight INTEGER NOT NULL,         -- 1: exactly 00:00, so the time may be missing
    position INTEGER NOT NULL,         -- in its document
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
    document_received_at INTEGER NOT NULL, -- of the document that last changed the columns
    via INTEGER,                       -- the reference that matched it; NULL: unmatched
    withdrawn_at INTEGER,              -- no longer in its document after a replay
    unmapped INTEGER NOT NULL DEFAULT 0, -- no code table or rule knows its code or text
    UNIQUE (reference, code, text_key, second)
) STRICT;

CREATE INDEX events_unmatched ON events (received_at)
    WHERE via IS NULL AND withdrawn_at IS NULL;
CREATE INDEX events_imprecise ON events (reference, code, second)
    WHERE precision > 1 AND midnight = 0;
CREATE INDEX events_unknown ON events (event) WHERE unmapped = 1;

-- Every reference of an event: finds unmatched events when a label arrives.
CREATE TABLE event_references (
    reference INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (reference, event)
) STRICT, WITHOUT ROWID;

-- The documents that contained an event, each with the references that it gives: one may
-- name another order than the others, or deny the delivery, and that counts whichever
-- comes last.
CREATE TABLE event_documents (
    document INTEGER NOT NULL,
    event INTEGER NOT NULL,
    position INTEGER NOT NULL,
    refs TEXT NOT NULL DEFAULT '[]',
    denied INTEGER NOT NULL DEFAULT 0, -- 1: its texts or fields deny the event's delivery
    PRIMARY KEY (document, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_documents_by_event ON event_documents (event);

-- The parcels that an event matches; volume 0 is all parcels of the invoice.
CREATE TABLE event_parcels (
    shipment INTEGER NOT NULL,
    event INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    -- 1: could be about another parcel, 2: names another order, 3: older than its key
    ambiguous INTEGER NOT NULL DEFAULT 0,
    quarantine_reason TEXT,
    decision TEXT,                     -- released or dropped, by an operator or a rule
    PRIMARY KEY (shipment, event, volume)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_parcels_by_event ON event_parcels (event);
CREATE INDEX event_parcels_quarantined ON event_parcels (event)
    WHERE quarantine_reason IS NOT NULL AND decision IS NULL;

-- The exact event objects sent to VTEX. `accepted_at`: VTEX accepted the call.
CREATE TABLE published (
    shipment INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    code TEXT NOT NULL,
    position INTEGER NOT NULL,
    object TEXT NOT NULL,
    event INTEGER,                     -- NULL: the relay's own event
    stored_at INTEGER NOT NULL,
    accepted_at INTEGER,
    withdrawn_at INTEGER,
    PRIMARY KEY (shipment, volume, occurred_at, code)
) STRICT, WITHOUT ROWID;

-- The log of calls to VTEX. A row is stored before its call is made.
CREATE TABLE vtex_calls (
    call TEXT NOT NULL PRIMARY KEY,    -- UUIDv7: sorts by time
    shipment INTEGER NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,                -- read_order, send_tracking_number, send_events
    body TEXT,
    stored_at INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 1,   -- 0: no request left the relay
    answered_at INTEGER,
    status INTEGER,
    message TEXT,                      -- VTEX's error message, or the network error
    receipt TEXT                       -- VTEX's receipt of an accepted write
) STRICT, WITHOUT ROWID;

CREATE INDEX vtex_calls_by_shipment ON vtex_calls (shipment, call);

-- What the relay and operators did, for a shipment's timeline.
CREATE TABLE notes (
    note INTEGER PRIMARY KEY,
    shipment INTEGER NOT NULL,
    noted_at INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX notes_by_shipment ON notes (shipment, note);

-- Polls of a parcel, one row per contract that has it: its own, and those of handovers.
CREATE TABLE parcel_polls (
    shipment INTEGER NOT NULL,
    contract TEXT NOT NULL,
    volume INTEGER NOT NULL,
    tracking_number TEXT,              -- under this contract
    registered_at INTEGER NOT NULL,
    polled_at INTEGER,                 -- the last answer
    poll_at INTEGER,                   -- the next poll; NULL: none
    poll_lane INTEGER NOT NULL DEFAULT 2, -- 0 operator, 1 urgent, 2 normal, 3 quiet
    poll_failures INTEGER NOT NULL DEFAULT 0, -- claims without an answer
    subscribe_at INTEGER,              -- when to request or renew the carrier's webhooks
    PRIMARY KEY (shipment, contract, volume)
) STRICT, WITHOUT ROWID;

CREATE INDEX parcel_polls_due ON parcel_polls (contract, poll_lane, poll_at)
    WHERE poll_at IS NOT NULL;
CREATE INDEX parcel_polls_to_subscribe ON parcel_polls (contract, subscribe_at)
    WHERE subscribe_at IS NOT NULL;

-- One row per polled contract, locked while a call is claimed: replicas share limits.
CREATE TABLE polls (
    contract TEXT NOT NULL PRIMARY KEY,
    day INTEGER NOT NULL DEFAULT 0,    -- day number in the contract's time zone
    used INTEGER NOT NULL DEFAULT 0,   -- calls on that day, for the quota
    calls INTEGER NOT NULL DEFAULT 0,  -- every tenth starts with quiet parcels
    next_at INTEGER NOT NULL DEFAULT 0, -- the spacing between calls
    lease TEXT,
    busy_until INTEGER NOT NULL DEFAULT 0, -- one call at a time
    failures INTEGER NOT NULL DEFAULT 0, -- in a row
    open_until INTEGER NOT NULL DEFAULT 0, -- circuit breaker open, or Retry-After
    reason TEXT,                       -- of the last failure
    cursor TEXT NOT NULL DEFAULT '',   -- position in a feed
    fetch_at INTEGER NOT NULL DEFAULT 0, -- when the feed is fetched next
    answered_at INTEGER                -- the last call that succeeded
) STRICT, WITHOUT ROWID;

-- Digests of unreadable answers: the same answer is stored as a document only once.
CREATE TABLE poll_unreadables (
    contract TEXT NOT NULL,
    digest TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (contract, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX poll_unreadables_by_age ON poll_unreadables (contract, received_at);

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

-- Where serving processes listen, for commands whose settings name another address.
CREATE TABLE serving (
    host TEXT NOT NULL,
    listen TEXT NOT NULL,
    restart TEXT NOT NULL,             -- changed settings that need a restart
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (host, listen)
) STRICT, WITHOUT ROWID;

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

-- Events for other systems, stored with their cause; each receiver has a delivery.
CREATE TABLE outgoing_events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,           -- UUIDv7: the same in every attempt
    type TEXT NOT NULL,
    account TEXT,                      -- NULL: of no account
    shipment_id TEXT,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;

CREATE INDEX outgoing_events_of_shipment ON outgoing_events (shipment_id, number)
    WHERE shipment_id IS NOT NULL;

CREATE TABLE outgoing_deliveries (
    id TEXT NOT NULL,                  -- of the event
    receiver TEXT NOT NULL,
    next_at INTEGER,                   -- when to send, or when a lease ends; NULL: done
    give_up_at INTEGER NOT NULL,
    lease TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, -- counted before the call: a crash counts
    tried_at INTEGER,
    status INTEGER,                    -- of the last answer; NULL without one
    error TEXT,                        -- why the last attempt failed
    delivered_at INTEGER,
    failed_at INTEGER,                 -- given up
    PRIMARY KEY (id, receiver)
) STRICT, WITHOUT ROWID;

CREATE INDEX outgoing_deliveries_due ON outgoing_deliveries (receiver, next_at)
    WHERE next_at IS NOT NULL;
CREATE INDEX outgoing_deliveries_failed ON outgoing_deliveries (receiver, failed_at)
    WHERE failed_at IS NOT NULL;

-- One row per receiver that was called: whether it works.
CREATE TABLE outgoing_receivers (
    receiver TEXT NOT NULL PRIMARY KEY,
    address TEXT NOT NULL,             -- digest of the URL: another one enables it again
    disabled_at INTEGER,               -- it answered 410 Gone
    failing_since INTEGER,
    failures INTEGER NOT NULL DEFAULT 0, -- in a row
    not_before INTEGER NOT NULL DEFAULT 0,
    reason TEXT,                       -- of the last failure
    delivered_at INTEGER               -- the last success
) STRICT, WITHOUT ROWID;
-- What people say that carriers' codes mean. A row is never deleted: it says who removed it.
CREATE TABLE code_mappings (
    mapping INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    code TEXT NOT NULL,
    meaning TEXT NOT NULL,             -- an object, as a row of a code table
    mapped_at INTEGER NOT NULL,
    mapped_by TEXT NOT NULL,
    why TEXT NOT NULL,
    removed_at INTEGER,
    removed_by TEXT,
    removed_why TEXT,
    -- documents with the code are parsed again, in two rounds over the events
    resume_at INTEGER,                 -- when to go on; NULL: all of it is done
    round INTEGER NOT NULL DEFAULT 1,  -- of two
    position INTEGER NOT NULL DEFAULT 0, -- the last event of this round
    documents INTEGER NOT NULL DEFAULT 0, -- parsed again since the last change
    applied_at INTEGER                 -- when the last round ended
) STRICT;

CREATE UNIQUE INDEX code_mappings_active ON code_mappings (contract, code)
    WHERE removed_at IS NULL;
CREATE INDEX code_mappings_unfinished ON code_mappings (resume_at)
    WHERE resume_at IS NOT NULL;

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
