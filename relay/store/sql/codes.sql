-- Mappings of carriers' codes that people enter, and the events that have a code.

-- name: code_mappings_version
-- Rows are only added, and removed once: both numbers only grow.
SELECT count(*) AS made, count(m.removed_at) AS removed FROM code_mappings AS m

-- name: active_code_mappings
SELECT m.* FROM code_mappings AS m
WHERE m.removed_at IS NULL ORDER BY m.contract, m.code

-- name: list_code_mappings
-- The newest first, removed ones included.
SELECT m.* FROM code_mappings AS m
WHERE m.mapping < :before ORDER BY m.mapping DESC LIMIT :limit

-- name: active_code_mapping
SELECT m.* FROM code_mappings AS m
WHERE m.contract = :contract AND m.code = :code AND m.removed_at IS NULL

-- name: add_code_mapping
INSERT INTO code_mappings (contract, code, meaning, mapped_at, mapped_by, why, resume_at)
VALUES (:contract, :code, :meaning, :now, :by, :why, :now)
ON CONFLICT (contract, code) WHERE removed_at IS NULL DO NOTHING
RETURNING mapping

-- name: end_earlier_mappings!
-- Documents are parsed with the present mapping, so those of earlier ones are done.
UPDATE code_mappings SET resume_at = NULL
WHERE resume_at IS NOT NULL AND contract = :contract AND code = :code
  AND removed_at IS NOT NULL

-- name: remove_code_mapping
UPDATE code_mappings
SET removed_at = :now, removed_by = :by, removed_why = :why, resume_at = :now,
    round = 1, position = 0, documents = 0, applied_at = NULL
WHERE contract = :contract AND code = :code AND removed_at IS NULL
RETURNING mapping

-- name: unfinished_code_mapping
-- On PostgreSQL another replica skips the one that this one works on.
SELECT m.* FROM code_mappings AS m
WHERE m.resume_at IS NOT NULL AND m.resume_at <= :now
ORDER BY m.resume_at LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: any_unfinished_mapping
SELECT m.mapping FROM code_mappings AS m
WHERE m.resume_at IS NOT NULL AND m.resume_at <= :now LIMIT 1

-- name: save_mapping_progress!
UPDATE code_mappings
SET resume_at = :resume_at, round = :round, position = :position,
    documents = documents + :documents, applied_at = :applied_at
WHERE mapping = :mapping

-- name: newest_event
SELECT e.event FROM events AS e WHERE e.event > 0 ORDER BY e.event DESC LIMIT 1

-- name: unmapped_events_of_code
-- Events after one of them, in their order, which have the code and no meaning.
SELECT n.event
FROM events AS n
JOIN reference_values AS r ON r.reference = n.reference
WHERE n.unmapped = 1 AND n.event > :after AND n.event <= :upto AND n.code = :code
  AND n.withdrawn_at IS NULL AND r.contract || '' = :contract
ORDER BY n.event LIMIT :limit

-- name: mapped_events_of_code
-- The same for those that have a meaning: their table is read, within the bounds.
SELECT n.event
FROM events AS n
JOIN reference_values AS r ON r.reference = n.reference
WHERE n.event > :after AND n.event <= :upto AND n.code = :code AND n.unmapped + 0 = 0
  AND n.withdrawn_at IS NULL AND r.contract || '' = :contract
ORDER BY n.event LIMIT :limit

-- name: stored_documents_of_events
-- The documents of events that are still stored, the newest first.
SELECT d.document, count(*) AS events, max(d.body_size) AS size
FROM (
    SELECT x.document, l.event, length(x.body) AS body_size
    FROM json_each(:rows) AS j
    JOIN event_documents AS l ON l.event = CAST(CAST(j.value AS TEXT) AS BIGINT)
    JOIN documents AS x ON x.document = l.document) AS d
GROUP BY d.document
ORDER BY d.document DESC

-- name: meanings_of_events
SELECT e.event, e.milestone, e.effect, e.unmapped, e.withdrawn_at
FROM json_each(:rows) AS j
JOIN events AS e ON e.event = CAST(CAST(j.value AS TEXT) AS BIGINT)

-- name: parcels_of_events
SELECT DISTINCT p.shipment, p.event
FROM json_each(:rows) AS j
JOIN event_parcels AS p ON p.event = CAST(CAST(j.value AS TEXT) AS BIGINT)

-- name: shipment_rows
SELECT s.* FROM json_each(:rows) AS j
JOIN shipments AS s ON s.shipment = CAST(CAST(j.value AS TEXT) AS BIGINT)
ORDER BY s.shipment

-- name: events_with_documents
SELECT count(DISTINCT l.event) AS events
FROM json_each(:rows) AS j
JOIN event_documents AS l ON l.event = CAST(CAST(j.value AS TEXT) AS BIGINT)
JOIN documents AS d ON d.document = l.document

-- name: events_in_documents
SELECT DISTINCT l.event
FROM json_each(:rows) AS j
JOIN event_documents AS l ON l.document = CAST(CAST(j.value AS TEXT) AS BIGINT)
