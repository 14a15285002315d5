-- name: open_shipments
SELECT * FROM shipments
WHERE closed_at IS NULL AND shipment > :after
ORDER BY shipment LIMIT :limit

-- name: wake_shipment
-- Due in the backlog lane, unless the shipment changed since it was read.
UPDATE shipments SET due_at = :now, lane = 1, version = version + 1
WHERE shipment = :shipment AND version = :version AND lease IS NULL
  AND closed_at IS NULL AND coalesce(tried_at, 0) = :tried_at
RETURNING id

-- name: expire_shipment
UPDATE shipments SET closed_at = :now, closed_reason = 'expired'
WHERE shipment = :shipment AND version = :version AND lease IS NULL
  AND closed_at IS NULL AND coalesce(tried_at, 0) = :tried_at
RETURNING id

-- name: document_page
-- Unparsed documents and those behind open shipments never expire.
SELECT d.document AS key, d.received_at AS recorded_at,
       CASE WHEN d.read_at IS NULL OR d.parked = 1 THEN 0
            WHEN d.unreadable_reason IS NOT NULL AND d.received_at >= :unreadable THEN 0
            WHEN d.unreadable_reason IS NOT NULL AND d.partly_parsed = 0 THEN 1
            WHEN coalesce(d.new_events, 0) = 0
            THEN CASE WHEN d.received_at < :repeats THEN 1 ELSE 0 END
            WHEN d.received_at >= :documents THEN 0
            WHEN EXISTS (
                SELECT 1 FROM event_documents AS l
                JOIN event_parcels AS p ON p.event = l.event
                JOIN shipments AS s ON s.shipment = p.shipment
                WHERE l.document = d.document AND s.closed_at IS NULL) THEN 0
            ELSE 1 END AS outdated
FROM documents AS d
WHERE d.document > :after
ORDER BY d.document LIMIT :limit

-- name: delete_document!
DELETE FROM documents WHERE document = :key AND read_at IS NOT NULL

-- name: delete_document_links!
-- The last link with its references stays while a shipment of the event is open: what a
-- deleted document named or denied still counts.
DELETE FROM event_documents
WHERE document = :key
  AND NOT EXISTS (SELECT 1 FROM documents AS d WHERE d.document = :key)
  AND (EXISTS (SELECT 1 FROM event_documents AS o
               WHERE o.event = event_documents.event AND o.document <> :key
                 AND o.refs = event_documents.refs
                 AND o.denied >= event_documents.denied)
       OR NOT EXISTS (SELECT 1 FROM event_parcels AS p
                      JOIN shipments AS s ON s.shipment = p.shipment
                      WHERE p.event = event_documents.event AND s.closed_at IS NULL))

-- name: unmatched_page
-- The last event stays: SQLite would assign its number again (max(rowid) + 1):
-- https://sqlite.org/autoinc.html
SELECT event AS key, received_at AS recorded_at, refs, 1 AS outdated FROM events
WHERE via IS NULL AND withdrawn_at IS NULL AND received_at < :unmatched
  AND event < (SELECT max(event) FROM events)
ORDER BY received_at LIMIT :limit

-- name: delete_unmatched!
DELETE FROM events WHERE event = :key AND via IS NULL

-- name: delete_event_reference!
DELETE FROM event_references
WHERE reference = :reference AND event = :key
  AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.event = :key)

-- name: delete_event_documents!
DELETE FROM event_documents
WHERE event = :key AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.event = :key)

-- name: call_page
-- A call's id is a UUIDv7, so it sorts by time.
SELECT call AS key, stored_at AS recorded_at, 1 AS outdated FROM vtex_calls
WHERE call < :calls ORDER BY call LIMIT :limit

-- name: delete_call!
DELETE FROM vtex_calls WHERE call = :key

-- name: shipment_page
SELECT shipment AS key, registered_at AS recorded_at,
       CASE WHEN (closed_at IS NOT NULL OR stuck_reason IS NOT NULL)
             AND lease IS NULL AND registered_at < :shipments
             AND coalesce(last_event_at, 0) < :shipments THEN 1 ELSE 0 END AS outdated
FROM shipments
WHERE shipment > :after
ORDER BY shipment LIMIT :limit

-- name: delete_shipment!
DELETE FROM shipments WHERE shipment = :key

-- name: delete_parcels_of!
DELETE FROM parcels WHERE shipment = :key

-- name: delete_polls_of!
DELETE FROM parcel_polls WHERE shipment = :key

-- name: delete_references_of!
DELETE FROM parcel_references WHERE shipment = :key

-- name: delete_matches_of!
DELETE FROM event_parcels WHERE shipment = :key

-- name: delete_published_of!
DELETE FROM published WHERE shipment = :key

-- name: delete_calls_of!
DELETE FROM vtex_calls WHERE shipment = :key

-- name: delete_notes_of!
DELETE FROM notes WHERE shipment = :key

-- name: event_page
SELECT e.event AS key, e.received_at AS recorded_at, e.refs,
       CASE WHEN e.received_at < :shipments
             AND e.event < (SELECT max(event) FROM events) AND NOT EXISTS (
                SELECT 1 FROM event_parcels AS p WHERE p.event = e.event)
            THEN 1 ELSE 0 END AS outdated
FROM events AS e
WHERE e.event > :after
ORDER BY e.event LIMIT :limit

-- name: delete_event!
DELETE FROM events WHERE event = :key

-- name: reference_page
-- Values that no label and no event uses any more.
SELECT r.reference AS key, 0 AS recorded_at,
       CASE WHEN EXISTS (SELECT 1 FROM parcel_references AS p
                         WHERE p.reference = r.reference)
              OR EXISTS (SELECT 1 FROM event_references AS l
                         JOIN events AS e ON e.event = l.event
                         WHERE l.reference = r.reference)
            THEN 0 ELSE 1 END AS outdated
FROM reference_values AS r
WHERE r.reference > :after
ORDER BY r.reference LIMIT :limit

-- name: lock_references
-- Skips references that a label or a document is locking right now.
SELECT r.reference AS key FROM json_each(:rows) AS j
JOIN reference_values AS r
  ON r.reference = CAST(j.value ->> 'key' AS BIGINT)
ORDER BY r.reference FOR UPDATE OF r SKIP LOCKED

-- name: delete_reference!
DELETE FROM reference_values
WHERE reference = :key
  AND NOT EXISTS (SELECT 1 FROM parcel_references AS p WHERE p.reference = :key)
  AND NOT EXISTS (SELECT 1 FROM event_references AS l
                  JOIN events AS e ON e.event = l.event WHERE l.reference = :key)

-- name: delete_links_of_reference!
DELETE FROM event_references
WHERE reference = :key
  AND NOT EXISTS (SELECT 1 FROM reference_values AS r WHERE r.reference = :key)

-- name: audit_entry_page
SELECT entry AS key, done_at AS recorded_at,
       CASE WHEN done_at < :shipments THEN 1 ELSE 0 END AS outdated
FROM audit_entries
WHERE entry > :after
ORDER BY entry LIMIT :limit

-- name: delete_audit_entry!
DELETE FROM audit_entries WHERE entry = :key

-- name: rejected_page
SELECT rejected_request AS key, received_at AS recorded_at,
       CASE WHEN received_at < :rejected_requests THEN 1 ELSE 0 END AS outdated
FROM rejected_requests
WHERE rejected_request > :after
ORDER BY rejected_request LIMIT :limit

-- name: delete_rejected!
DELETE FROM rejected_requests WHERE rejected_request = :key
