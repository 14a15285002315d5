-- Operators' work lists; each query uses an index that holds few other rows.

-- name: work_stuck
-- `vtex_said` is VTEX's last error message.
SELECT s.*, (
    SELECT c.message FROM vtex_calls AS c
    WHERE c.shipment = s.shipment AND c.message IS NOT NULL
    ORDER BY c.call DESC LIMIT 1) AS vtex_said
FROM shipments AS s
WHERE s.account = :account AND s.stuck_reason IS NOT NULL
  AND s.shipment < :id
ORDER BY s.shipment DESC LIMIT :limit

-- name: work_contradicted
SELECT s.* FROM shipments AS s
WHERE s.account = :account AND s.contradicted_reason IS NOT NULL AND s.shipment < :id
ORDER BY s.shipment DESC LIMIT :limit

-- name: work_late
-- Most overdue first.
SELECT s.* FROM shipments AS s
WHERE s.account = :account AND s.promised_on IS NOT NULL AND s.closed_at IS NULL
  AND s.promised_on < :today AND s.promised_on >= CAST(:key AS TEXT)
  AND (s.promised_on > CAST(:key AS TEXT) OR s.shipment > :id)
ORDER BY s.promised_on, s.shipment LIMIT :limit

-- name: work_open
-- Oldest first, for the list of silent shipments; silence is checked in Python.
SELECT s.* FROM shipments AS s
WHERE s.account = :account AND s.closed_at IS NULL AND s.shipment > :id
ORDER BY s.shipment LIMIT :limit

-- name: work_quarantined
-- One row per shipment and quarantined event, whatever its number of volumes.
SELECT p.event, p.shipment, p.volume, p.quarantine_reason,
       s.id, s.account, s.contract AS shipment_contract, s.order_id,
       s.invoice_number, s.tracking_number,
       e.occurred_at, e.received_at, e.milestone, e.code, e.description,
       r.contract
FROM event_parcels AS p
JOIN shipments AS s ON s.shipment = p.shipment
JOIN events AS e ON e.event = p.event
JOIN reference_values AS r ON r.reference = e.reference
WHERE p.quarantine_reason IS NOT NULL AND p.decision IS NULL
  AND p.event <= :key AND (p.event < :key OR p.shipment < :id)
  AND e.withdrawn_at IS NULL
  AND coalesce(s.closed_reason, '') NOT IN ('cancelled', 'erased')
  AND p.volume = (
    SELECT min(v.volume) FROM event_parcels AS v
    WHERE v.shipment = p.shipment AND v.event = p.event)
ORDER BY p.event DESC, p.shipment DESC LIMIT :limit

-- name: work_unmatched
SELECT e.event, e.occurred_at, e.precision, e.received_at, e.milestone, e.code,
       e.description, e.city, e.state, e.refs, r.contract
FROM events AS e
JOIN reference_values AS r ON r.reference = e.reference
WHERE e.via IS NULL AND e.withdrawn_at IS NULL
  AND e.received_at <= :key AND (e.received_at < :key OR e.event < :id)
ORDER BY e.received_at DESC, e.event DESC LIMIT :limit

-- name: work_rejected
-- Requests that failed verification, newest first.
SELECT a.rejected_request, a.contract, a.received_at, a.reason, length(a.body) AS size
FROM rejected_requests AS a
WHERE a.rejected_request < :id AND a.accepted_at IS NULL
ORDER BY a.rejected_request DESC LIMIT :limit

-- name: work_refused
-- Refused requests at webhook addresses, the latest first.
SELECT w.* FROM refused_webhooks AS w
WHERE w.last_at <= :key AND (w.last_at < :key OR w.refusal < :id)
ORDER BY w.last_at DESC, w.refusal DESC LIMIT :limit

-- name: work_unknown_codes
-- Counts per code among the latest :most events with an unmapped code or text; the latest is shown.
SELECT g.contract, g.code, g.events, g.event, e.received_at, e.description,
       v.kind, v.value
FROM (
    SELECT r.contract, u.code, u.text_key, count(*) AS events, max(u.event) AS event
    FROM (
        SELECT n.event, n.reference, n.code, n.text_key FROM events AS n
        WHERE n.unmapped = 1 AND n.withdrawn_at IS NULL
        ORDER BY n.event DESC LIMIT :most) AS u
    JOIN reference_values AS r ON r.reference = u.reference
    GROUP BY r.contract, u.code, u.text_key) AS g
JOIN events AS e ON e.event = g.event
JOIN reference_values AS v ON v.reference = e.reference
WHERE g.event < :id
ORDER BY g.event DESC LIMIT :limit

-- name: contract_in_use
-- Whether data of a contract is stored; the contract may be gone from the settings.
SELECT 1 AS in_use WHERE EXISTS (
    SELECT 1 FROM reference_values AS r WHERE r.contract = CAST(:contract AS TEXT))
  OR EXISTS (
    SELECT 1 FROM documents AS d
    WHERE d.parked = 1 AND d.contract = CAST(:contract AS TEXT))
  OR EXISTS (
    SELECT 1 FROM documents AS d
    WHERE d.unreadable_reason IS NOT NULL AND d.contract = CAST(:contract AS TEXT))

-- name: lock_stuck
-- Those of the given shipments that are still stuck.
SELECT s.shipment FROM json_each(:rows) AS j
JOIN shipments AS s ON s.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
WHERE s.stuck_reason IS NOT NULL
ORDER BY s.shipment FOR UPDATE OF s

-- name: replay_documents
-- Documents not parsed yet are skipped: they are parsed anyway.
UPDATE documents
SET read_at = NULL, unreadable_reason = NULL, tries = 0, replays = replays + 1
WHERE read_at IS NOT NULL AND document IN (
    SELECT CAST(j.value ->> 'document' AS BIGINT) FROM json_each(:rows) AS j)
RETURNING document

-- name: note_replays!
INSERT INTO notes (shipment, noted_at, text)
SELECT p.shipment, :now, CAST(:text AS TEXT)
FROM json_each(:rows) AS j
JOIN event_documents AS d
  ON d.document = CAST(j.value ->> 'document' AS BIGINT)
JOIN event_parcels AS p ON p.event = d.event
GROUP BY p.shipment
