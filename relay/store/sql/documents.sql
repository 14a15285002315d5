-- name: store_document!
INSERT INTO documents (contract, source, headers, body, received_at, trace)
VALUES (:contract, :source, :headers, :body, :received_at, :trace)

-- name: unread_documents
-- Oldest first; on PostgreSQL another reader skips documents locked by this one.
SELECT document, length(body) AS size
FROM documents
WHERE read_at IS NULL AND parked = 0
ORDER BY document LIMIT :limit FOR UPDATE SKIP LOCKED

-- name: documents_to_read
SELECT d.document, d.contract, d.source, d.headers, d.body, d.received_at, d.tries, d.replays,
       d.trace
FROM json_each(:rows) AS j
JOIN documents AS d ON d.document = CAST(CAST(j.value AS TEXT) AS BIGINT)
ORDER BY d.document

-- name: mark_read!
UPDATE documents
SET read_at = :now, new_events = :new_events, unreadable_reason = NULL,
    partly_parsed = 0, unreadable_parts = '[]', traceback = NULL, tries = 0
WHERE document = :document

-- name: mark_partly_read!
-- In addition to `mark_read`, which goes first.
UPDATE documents
SET unreadable_reason = :reason, partly_parsed = 1, unreadable_parts = :parts,
    traceback = :traceback
WHERE document = :document

-- name: mark_read_and_cut!
-- The body without personal data; `digest` stays that of the body as received.
UPDATE documents
SET read_at = :now, new_events = :new_events, body = :body,
    digest = coalesce(digest, :digest), unreadable_reason = NULL,
    partly_parsed = 0, unreadable_parts = '[]', traceback = NULL, tries = 0
WHERE document = :document

-- name: mark_unreadable!
UPDATE documents
SET read_at = :now, new_events = 0, unreadable_reason = :reason, partly_parsed = 0,
    unreadable_parts = :parts, traceback = :traceback
WHERE document = :document

-- name: count_try!
UPDATE documents SET tries = tries + 1 WHERE document = :document

-- name: park_document!
-- Not parsed until its contract is configured; it stays visible in lists.
UPDATE documents SET parked = 1 WHERE document = :document

-- name: unpark_documents!
UPDATE documents SET parked = 0
WHERE parked = 1 AND contract IN (
    SELECT j.value ->> 'contract' FROM json_each(:rows) AS j)

-- name: parked_documents
SELECT contract, count(*) AS documents FROM documents
WHERE parked = 1 GROUP BY contract ORDER BY contract

-- name: oldest_unread
SELECT contract, received_at FROM documents
WHERE read_at IS NULL AND parked = 0 ORDER BY document LIMIT 1

-- name: count_unread
-- Stops at :limit: an exact count of a large backlog is not worth its cost.
SELECT count(*) AS documents FROM (
    SELECT document FROM documents WHERE read_at IS NULL AND parked = 0
    LIMIT :limit) AS unread

-- name: oldest_unread_by_contract
SELECT contract, min(received_at) AS received_at, count(*) AS documents
FROM documents WHERE read_at IS NULL AND parked = 0 GROUP BY contract

-- name: document_by_id
SELECT * FROM documents WHERE document = :document

-- name: replay_document
-- `unreadable_parts` stay until it was parsed: see `unreadable_parts_of`.
UPDATE documents
SET read_at = NULL, unreadable_reason = NULL, tries = 0, replays = replays + 1
WHERE document = :document
RETURNING document

-- name: list_documents
SELECT document, contract, source, received_at, read_at, new_events, parked, tries,
       unreadable_reason, partly_parsed, length(body) AS size
FROM documents
WHERE document < :before
ORDER BY document DESC LIMIT :limit

-- name: list_unreadable
SELECT document, contract, source, received_at, read_at, new_events, parked, tries,
       unreadable_reason, partly_parsed, length(body) AS size
FROM documents
WHERE unreadable_reason IS NOT NULL AND document < :before
ORDER BY document DESC LIMIT :limit

-- name: unreadable_parts_of
SELECT d.document, d.unreadable_parts FROM json_each(:rows) AS j
JOIN documents AS d ON d.document = CAST(j.value ->> 'document' AS BIGINT)

-- name: documents_of_shipment
SELECT DISTINCT d.document, d.contract, d.source, d.received_at, d.read_at,
       d.new_events, d.unreadable_reason
FROM event_parcels AS p
JOIN event_documents AS l ON l.event = p.event
JOIN documents AS d ON d.document = l.document
WHERE p.shipment = :shipment
ORDER BY d.document LIMIT 500
