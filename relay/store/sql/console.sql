-- name: add_audit_entry!
-- Store what was changed, by whom and why.
INSERT INTO audit_entries (
    done_at, by_whom, through, did, account, contract, shipment_id, reason, details
) VALUES (
    :done_at, :by_whom, :through, :did, :account, :contract, :shipment_id, :reason,
    :details
)

-- name: audit_page
-- The newest changes before one of them.
SELECT entry, done_at, by_whom, through, did, account, contract, shipment_id, reason,
       details
FROM audit_entries
WHERE entry < :before
ORDER BY entry DESC
LIMIT :limit

-- name: audit_of_shipment
-- The changes of one shipment, the newest first.
SELECT entry, done_at, by_whom, through, did, account, contract, shipment_id, reason,
       details
FROM audit_entries
WHERE shipment_id = :shipment_id AND entry < :before
ORDER BY entry DESC
LIMIT :limit

-- name: console_session
-- A session that has not ended.
SELECT person, content, ends_at FROM console_sessions
WHERE session = :session AND ends_at > :now

-- name: save_console_session!
-- Store a session, or its changed content; the end stays.
INSERT INTO console_sessions (session, person, content, ends_at)
VALUES (:session, :person, :content, :ends_at)
ON CONFLICT (session) DO UPDATE SET person = excluded.person, content = excluded.content

-- name: delete_console_session!
DELETE FROM console_sessions WHERE session = :session

-- name: delete_ended_console_sessions!
DELETE FROM console_sessions WHERE ends_at <= :now

-- name: newest_document
SELECT document FROM documents WHERE document < :before ORDER BY document DESC LIMIT 1

-- name: document_from
-- The document with this number, or the next one.
SELECT document, received_at FROM documents
WHERE document >= :document ORDER BY document LIMIT 1

-- name: count_documents_between
SELECT count(*) AS documents FROM documents
WHERE document >= :first AND document < :after

-- name: count_calls_between
SELECT count(*) AS calls FROM vtex_calls
WHERE call >= :first AND call < :after

-- name: latest_calls
-- The latest calls of all accounts; their keys grow with time.
SELECT account, status, sent, stored_at, answered_at FROM vtex_calls
WHERE call >= :first ORDER BY call DESC LIMIT :limit
