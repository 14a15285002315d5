-- name: add_outgoing_event!
INSERT INTO outgoing_events (
    id, type, account, shipment_id, occurred_at, recorded_at, data
) VALUES (
    :id, :type, :account, :shipment_id, :occurred_at, :recorded_at, :data
)

-- name: add_outgoing_delivery!
-- Have an event sent to a receiver, again if it was.
INSERT INTO outgoing_deliveries (id, receiver, next_at, give_up_at)
VALUES (:id, :receiver, :next_at, :give_up_at)
ON CONFLICT (id, receiver) DO UPDATE
SET next_at = excluded.next_at, give_up_at = excluded.give_up_at, lease = NULL,
    attempts = 0, status = NULL, error = NULL, delivered_at = NULL, failed_at = NULL

-- name: record_outgoing_progress!
UPDATE shipments SET outgoing_progress = :progress WHERE shipment = :shipment

-- name: late_to_tell
-- Open shipments past their promised day of which no event was recorded.
SELECT s.* FROM shipments AS s
WHERE s.account = :account AND s.promised_on IS NOT NULL AND s.closed_at IS NULL
  AND s.delivered_published_at IS NULL AND s.promised_on < :today
  AND (s.outgoing_late_on IS NULL OR s.outgoing_late_on <> s.promised_on)
ORDER BY s.promised_on, s.shipment LIMIT :limit FOR UPDATE OF s

-- name: record_outgoing_late!
UPDATE shipments SET outgoing_late_on = :promised_on WHERE shipment = :shipment

-- name: due_outgoing
SELECT d.id FROM outgoing_deliveries AS d
WHERE d.receiver = :receiver AND d.next_at <= :now LIMIT 1

-- name: claim_outgoing
-- Lease the deliveries of a receiver that are due longest. A lease that ends without an
-- outcome makes them due again. Below IN the limit could be applied several times:
-- PostgreSQL may run a subquery that locks rows once per outer row.
WITH due AS MATERIALIZED (
    SELECT d.id FROM outgoing_deliveries AS d
    WHERE d.receiver = :receiver AND d.next_at <= :now
    ORDER BY d.next_at, d.id LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE outgoing_deliveries
SET lease = :lease, next_at = :lease_until, attempts = attempts + 1, tried_at = :now
WHERE receiver = :receiver AND id IN (SELECT due.id FROM due)
RETURNING id, attempts, give_up_at

-- name: outgoing_events_by_id
SELECT e.* FROM json_each(:rows) AS j
CROSS JOIN outgoing_events AS e
WHERE e.id = j.value ->> 'id'
ORDER BY e.number

-- name: settle_outgoing!
-- Only by who holds the lease: another process may have taken over.
UPDATE outgoing_deliveries
SET next_at = :next_at, lease = NULL, status = :status, error = :error,
    delivered_at = :delivered_at, failed_at = :failed_at
WHERE id = :id AND receiver = :receiver AND lease = :lease

-- name: give_up_outgoing
-- What no process can send any more: its receiver is disabled, or not configured.
UPDATE outgoing_deliveries
SET next_at = NULL, lease = NULL, failed_at = :now,
    error = coalesce(error, 'not sent in time')
WHERE receiver = :receiver AND next_at <= :now AND give_up_at < :before
RETURNING id

-- name: outgoing_receiver
SELECT * FROM outgoing_receivers WHERE receiver = :receiver

-- name: outgoing_receivers
SELECT * FROM outgoing_receivers ORDER BY receiver

-- name: enroll_outgoing_receiver!
-- Know a receiver; another address than before starts afresh.
INSERT INTO outgoing_receivers (receiver, address) VALUES (:receiver, :address)
ON CONFLICT (receiver) DO UPDATE
SET address = excluded.address, disabled_at = NULL, failing_since = NULL, failures = 0,
    not_before = 0, reason = NULL
WHERE outgoing_receivers.address <> excluded.address

-- name: hurry_outgoing!
-- Send now what waits for its next attempt.
UPDATE outgoing_deliveries SET next_at = :now
WHERE receiver = :receiver AND next_at > :now AND lease IS NULL

-- name: hurry_after_outage!
-- The same, if the receiver failed several times in a row. One event that always fails
-- must not be hurried by each of the others that does not.
UPDATE outgoing_deliveries SET next_at = :now
WHERE receiver = :receiver AND next_at > :now AND lease IS NULL AND EXISTS (
    SELECT 1 FROM outgoing_receivers AS r
    WHERE r.receiver = :receiver AND r.failures >= 3)

-- name: outgoing_receiver_works!
UPDATE outgoing_receivers
SET failing_since = NULL, failures = 0, not_before = 0, reason = NULL,
    delivered_at = :now
WHERE receiver = :receiver

-- name: outgoing_receiver_fails!
UPDATE outgoing_receivers
SET failing_since = coalesce(failing_since, :now), failures = failures + 1,
    reason = :reason,
    not_before = CASE WHEN not_before < :not_before THEN :not_before ELSE not_before END
WHERE receiver = :receiver

-- name: disable_outgoing_receiver!
UPDATE outgoing_receivers
SET disabled_at = coalesce(disabled_at, :now), reason = :reason
WHERE receiver = :receiver

-- name: enable_outgoing_receiver
UPDATE outgoing_receivers
SET disabled_at = NULL, failing_since = NULL, failures = 0, not_before = 0,
    reason = NULL
WHERE receiver = :receiver
RETURNING receiver

-- name: count_outgoing
-- What waits for a receiver, and when the first of it is given up.
SELECT count(*) AS waiting, min(give_up_at) AS first_end FROM outgoing_deliveries
WHERE receiver = :receiver AND next_at IS NOT NULL

-- name: count_outgoing_failed
SELECT count(*) AS failed FROM outgoing_deliveries
WHERE receiver = :receiver AND failed_at IS NOT NULL

-- name: outgoing_page
-- Events before one of them, the newest first.
SELECT e.* FROM outgoing_events AS e
WHERE e.number < :before
ORDER BY e.number DESC LIMIT :limit

-- name: outgoing_of_shipment
SELECT e.* FROM outgoing_events AS e
WHERE e.shipment_id = :shipment_id AND e.number < :before
ORDER BY e.number DESC LIMIT :limit

-- name: outgoing_after
-- Events after one of them, the oldest first.
SELECT e.* FROM outgoing_events AS e
WHERE e.number > :after
ORDER BY e.number LIMIT :limit

-- name: deliveries_of_outgoing
SELECT d.* FROM json_each(:rows) AS j
CROSS JOIN outgoing_deliveries AS d
WHERE d.id = j.value ->> 'id'
ORDER BY d.id, d.receiver

-- name: outgoing_retention_page
-- The last event stays: SQLite would assign its number again.
SELECT number AS key, recorded_at,
       CASE WHEN recorded_at < :outgoing THEN 1 ELSE 0 END AS outdated
FROM outgoing_events
WHERE number > :after AND number < (SELECT max(n.number) FROM outgoing_events AS n)
ORDER BY number LIMIT :limit

-- name: delete_deliveries_of_outgoing!
DELETE FROM outgoing_deliveries
WHERE id = (SELECT e.id FROM outgoing_events AS e WHERE e.number = :key)

-- name: delete_outgoing_event!
DELETE FROM outgoing_events WHERE number = :key

-- name: redact_outgoing!
-- What is erased is sent no more, and its data is empty.
UPDATE outgoing_events SET data = '{}' WHERE shipment_id = :shipment_id

-- name: end_outgoing_of!
UPDATE outgoing_deliveries
SET failed_at = coalesce(failed_at, :now), next_at = NULL, lease = NULL,
    error = 'erased'
WHERE next_at IS NOT NULL AND id IN (
    SELECT e.id FROM outgoing_events AS e WHERE e.shipment_id = :shipment_id)

-- name: held_back_shipments
-- Shipments with events that no claim has planned yet: held back by a gate, or postponed.
-- Lanes are listed so that the index shipments_ready is used.
SELECT s.shipment, s.version FROM shipments AS s
WHERE s.account = :account AND s.lane IN (0, 1, 2) AND s.ready_at IS NOT NULL
  AND s.events_due_at <= :before
LIMIT :limit

-- name: stuck_with_events
SELECT s.shipment, s.version FROM shipments AS s
WHERE s.account = :account AND s.stuck_reason IS NOT NULL AND s.events_due_at <= :before
LIMIT :limit

-- name: lock_held_back
SELECT s.* FROM json_each(:rows) AS j
CROSS JOIN shipments AS s
WHERE s.shipment = CAST(j.value ->> 'shipment' AS BIGINT) AND s.lease IS NULL
ORDER BY s.shipment FOR UPDATE OF s SKIP LOCKED
