-- name: keep_document
INSERT INTO documents (contract, source, headers, body, received_at)
VALUES (:contract, :source, :headers, :body, :received_at)

-- name: unread_documents
SELECT document, contract, source, headers, body, received_at, tries, replays
FROM documents
WHERE read_at IS NULL AND parked = 0
ORDER BY document LIMIT :limit FOR UPDATE SKIP LOCKED

-- name: mark_read
UPDATE documents
SET read_at = :now, brought = :brought, unreadable_because = NULL, tries = 0
WHERE document = :document

-- name: mark_read_and_cut
UPDATE documents
SET read_at = :now, brought = :brought, body = :body, digest = coalesce(digest, :digest),
    unreadable_because = NULL, tries = 0
WHERE document = :document

-- name: mark_unreadable
UPDATE documents
SET read_at = :now, brought = 0, unreadable_because = :because
WHERE document = :document

-- name: count_try
UPDATE documents SET tries = tries + 1 WHERE document = :document

-- name: park_documents
UPDATE documents SET parked = 1
WHERE contract = :contract AND read_at IS NULL AND parked = 0

-- name: unpark_documents
UPDATE documents SET parked = 0 WHERE contract = :contract AND parked = 1

-- name: oldest_unread
SELECT contract, received_at FROM documents
WHERE read_at IS NULL AND parked = 0 ORDER BY document LIMIT 1

-- name: oldest_unread_by_contract
SELECT contract, min(received_at) AS received_at, count(*) AS documents
FROM documents WHERE read_at IS NULL AND parked = 0 GROUP BY contract

-- name: document_by_id
SELECT * FROM documents WHERE document = :document

-- name: replay_document
UPDATE documents
SET read_at = NULL, unreadable_because = NULL, tries = 0, replays = replays + 1
WHERE document = :document

-- name: list_documents
SELECT document, contract, source, received_at, read_at, brought, parked, tries,
       unreadable_because, length(body) AS size
FROM documents
WHERE document < :before
ORDER BY document DESC LIMIT :limit

-- name: list_unreadable
SELECT document, contract, source, received_at, read_at, brought, parked, tries,
       unreadable_because, length(body) AS size
FROM documents
WHERE unreadable_because IS NOT NULL AND document < :before
ORDER BY document DESC LIMIT :limit

-- name: documents_of_shipment
SELECT DISTINCT d.document, d.contract, d.source, d.received_at, d.read_at,
       d.brought, d.unreadable_because
FROM event_parcels AS p
JOIN event_documents AS l ON l.event = p.event
JOIN documents AS d ON d.document = l.document
WHERE p.shipment = :shipment
ORDER BY d.document LIMIT 500

-- name: put_aside
INSERT INTO asides (contract, received_at, headers, body, presented, because)
VALUES (:contract, :received_at, :headers, :body, :presented, :because)

-- name: trim_asides
DELETE FROM asides
WHERE contract = :contract AND (received_at < :oldest OR aside <= (
    SELECT aside FROM asides WHERE contract = :contract
    ORDER BY aside DESC LIMIT 1 OFFSET :keep))

-- name: asides_of_contract
SELECT * FROM asides WHERE contract = :contract ORDER BY aside

-- name: forget_aside
DELETE FROM asides WHERE aside = :aside
