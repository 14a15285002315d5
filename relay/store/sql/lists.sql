-- Pages of one account's shipments, newest first. Each query uses one index; further
-- filters are applied to the rows in Python.

-- name: list_by_account
SELECT * FROM shipments
WHERE account = :account AND shipment < :before
ORDER BY shipment DESC LIMIT :limit

-- name: list_by_order
SELECT * FROM shipments
WHERE shipment < :before AND shipment IN (
    SELECT o.shipment FROM shipments AS o
    WHERE o.account = :account AND o.order_id = :value)
ORDER BY shipment DESC LIMIT :limit

-- name: list_by_invoice
SELECT * FROM shipments
WHERE account = :account AND invoice_number = :value AND shipment < :before
ORDER BY shipment DESC LIMIT :limit

-- name: list_by_key
SELECT * FROM shipments
WHERE invoice_key = :value AND account = :account AND shipment < :before
ORDER BY shipment DESC LIMIT :limit

-- name: list_by_number
SELECT s.* FROM shipments AS s
WHERE s.account = :account AND s.shipment < :before AND s.shipment IN (
    SELECT p.shipment
    FROM reference_values AS r
    JOIN parcel_references AS p ON p.reference = r.reference
    WHERE r.value = :value AND r.kind = 'tracking_number' AND p.voided_at IS NULL)
ORDER BY s.shipment DESC LIMIT :limit

-- name: list_stuck
SELECT * FROM shipments
WHERE account = :account AND shipment < :before AND stuck_reason IS NOT NULL
ORDER BY shipment DESC LIMIT :limit

-- name: list_in_doubt
SELECT * FROM shipments
WHERE account = :account AND shipment < :before AND in_doubt_since IS NOT NULL
ORDER BY shipment DESC LIMIT :limit

-- name: list_without_number
SELECT * FROM shipments
WHERE account = :account AND shipment < :before AND tracking_number IS NULL
ORDER BY shipment DESC LIMIT :limit

-- name: list_open
SELECT * FROM shipments
WHERE account = :account AND shipment < :before AND closed_at IS NULL
ORDER BY shipment DESC LIMIT :limit

-- name: list_ready
-- The index of ready ones, not in their order, is sorted before rows are read; `+ 0` makes
-- SQLite use it, and not the one of all shipments of the account.
SELECT * FROM shipments
WHERE shipment IN (
    SELECT r.shipment FROM shipments AS r
    WHERE r.account = :account AND r.lane IN (0, 1, 2) AND r.ready_at > 0
      AND r.shipment + 0 < :before
    ORDER BY r.shipment + 0 DESC LIMIT :limit)
ORDER BY shipment DESC

-- name: list_leased
SELECT * FROM shipments
WHERE shipment IN (
    SELECT l.shipment FROM shipments AS l
    WHERE l.account = :account AND l.lease IS NOT NULL AND l.lease_until > 0
      AND l.shipment + 0 < :before
    ORDER BY l.shipment + 0 DESC LIMIT :limit)
ORDER BY shipment DESC

-- name: list_not_delivered
SELECT * FROM shipments
WHERE account = :account AND shipment < :before
  AND closed_at IS NOT NULL AND delivered_published_at IS NULL
ORDER BY shipment DESC LIMIT :limit

-- name: list_quarantined
SELECT s.* FROM shipments AS s
WHERE s.account = :account AND s.shipment < :before
  AND s.delivered_published_at IS NULL
  AND coalesce(s.closed_reason, '') NOT IN ('cancelled', 'erased')
  AND s.shipment IN (
    SELECT p.shipment FROM event_parcels AS p
    WHERE p.quarantine_reason IS NOT NULL AND p.decision IS NULL)
ORDER BY s.shipment DESC LIMIT :limit

-- name: quarantined_of
-- Quarantined events that wait for an operator's decision, latest event last.
SELECT p.shipment, p.event, p.quarantine_reason, e.received_at
FROM json_each(:rows) AS j
JOIN event_parcels AS p
  ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN events AS e ON e.event = p.event
JOIN shipments AS s ON s.shipment = p.shipment
WHERE p.quarantine_reason IS NOT NULL AND p.decision IS NULL
  AND e.withdrawn_at IS NULL AND s.delivered_published_at IS NULL
  AND coalesce(s.closed_reason, '') NOT IN ('cancelled', 'erased')
ORDER BY p.shipment, e.occurred_at, p.event

-- name: published_of_shipment
SELECT * FROM published WHERE shipment = :shipment ORDER BY occurred_at, position

-- name: calls_of_shipment
-- Newest first.
SELECT * FROM vtex_calls WHERE shipment = :shipment
ORDER BY call DESC LIMIT :limit

-- name: notes_of_shipment
SELECT * FROM notes WHERE shipment = :shipment
ORDER BY note DESC LIMIT :limit

-- name: count_due
-- This count and the next ones stop at :most rows: they are shown on every page.
SELECT n.account, count(*) AS shipments FROM (
    SELECT s.account FROM shipments AS s
    WHERE s.lane IN (0, 1, 2) AND s.ready_at <= :now LIMIT :most) AS n
GROUP BY n.account

-- name: count_stuck
SELECT n.account, count(*) AS shipments FROM (
    SELECT s.account FROM shipments AS s
    WHERE s.stuck_reason IS NOT NULL LIMIT :most) AS n
GROUP BY n.account

-- name: count_contradicted
SELECT n.account, count(*) AS shipments FROM (
    SELECT s.account FROM shipments AS s
    WHERE s.contradicted_reason IS NOT NULL LIMIT :most) AS n
GROUP BY n.account

-- name: count_late
SELECT count(*) AS shipments FROM (
    SELECT s.shipment FROM shipments AS s
    WHERE s.account = :account AND s.promised_on IS NOT NULL AND s.closed_at IS NULL
      AND s.promised_on < :today LIMIT :most) AS n

-- name: count_quarantined
SELECT n.account, count(DISTINCT n.shipment) AS shipments FROM (
    SELECT s.account, s.shipment
    FROM event_parcels AS p
    JOIN events AS e ON e.event = p.event
    JOIN shipments AS s ON s.shipment = p.shipment
    WHERE p.quarantine_reason IS NOT NULL AND p.decision IS NULL
      AND e.withdrawn_at IS NULL
      AND coalesce(s.closed_reason, '') NOT IN ('cancelled', 'erased')
    LIMIT :most) AS n
GROUP BY n.account

-- name: count_unmatched
SELECT r.contract, count(*) AS events
FROM (
    SELECT e.reference FROM events AS e
    WHERE e.via IS NULL AND e.withdrawn_at IS NULL LIMIT :most) AS n
JOIN reference_values AS r ON r.reference = n.reference
GROUP BY r.contract

-- name: count_waiting
-- Postponed with a reason: not yet published, and no operator is needed.
SELECT n.account, count(*) AS shipments FROM (
    SELECT s.account FROM shipments AS s
    WHERE s.lane IN (0, 1, 2) AND s.ready_at > :now AND s.waiting_reason IS NOT NULL
    LIMIT :most) AS n
GROUP BY n.account

-- name: change_horizon
-- Changes from this number on may not be committed yet.
SELECT h.horizon AS number FROM change_horizon AS h

-- name: first_change
SELECT min(s.change_number) AS number FROM shipments AS s WHERE s.updated_at >= :since

-- name: last_change
SELECT max(s.change_number) AS number FROM shipments AS s

-- name: list_changed
-- Every shipment is listed at its last change.
SELECT s.* FROM shipments AS s
WHERE s.change_number >= :key AND (s.change_number > :key OR s.shipment > :id)
  AND s.change_number < :horizon
ORDER BY s.change_number, s.shipment LIMIT :limit
