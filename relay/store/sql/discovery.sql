-- Orders that VTEX's feed and hook named, and the state of both.

-- name: discovered_among
SELECT * FROM discovered_orders
WHERE account = :account
  AND order_id IN (SELECT j.value ->> 'order_id' FROM json_each(:rows) AS j)
ORDER BY order_id FOR UPDATE

-- name: discover_order!
-- A new notification: the order is read at once, whatever was planned.
INSERT INTO discovered_orders
    (account, order_id, state, source, event_id, changed_at, notified_at, look_at)
VALUES (:account, :order_id, :state, :source, :event_id, :changed_at, :now, :now)
ON CONFLICT (account, order_id) DO UPDATE
SET state = excluded.state, source = excluded.source, event_id = excluded.event_id,
    changed_at = coalesce(excluded.changed_at, discovered_orders.changed_at),
    notified_at = excluded.notified_at, look_at = excluded.look_at, attempts = 0,
    repeated = 0, version = discovered_orders.version + 1

-- name: look_again!
-- A read of the publisher shows another number than the one that discovery registered.
UPDATE discovered_orders SET look_at = :now, repeated = 0, version = version + 1
WHERE account = :account AND order_id = :order_id

-- name: claim_discovered
-- A process that is killed leaves the order to be read again at `again_at`. Materialized:
-- PostgreSQL may run a subquery several times, and each would skip the rows locked before.
WITH oldest AS MATERIALIZED (
    SELECT d.order_id FROM discovered_orders AS d
    WHERE d.account = :account AND d.look_at <= :now
    ORDER BY d.look_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE discovered_orders SET look_at = :again_at
WHERE account = :account AND order_id IN (SELECT o.order_id FROM oldest AS o)
RETURNING *

-- name: any_discovered_due
SELECT order_id FROM discovered_orders
WHERE account = :account AND look_at <= :now LIMIT 1

-- name: settle_discovered!
-- A notification that came meanwhile raised the version, and planned its own read.
UPDATE discovered_orders
SET looked_at = :now, attempts = :attempts, outcome = :outcome, detail = :detail,
    registered = :registered, repeated = :repeated,
    look_at = CASE WHEN version = :version THEN CAST(:look_at AS BIGINT)
              ELSE look_at END
WHERE account = :account AND order_id = :order_id

-- name: count_discovered
SELECT account, count(*) AS waiting, min(look_at) AS oldest_at
FROM discovered_orders WHERE look_at <= :now GROUP BY account

-- name: latest_discovered
SELECT * FROM discovered_orders WHERE account = :account
ORDER BY notified_at DESC, order_id LIMIT :limit

-- name: list_discovery_states
SELECT * FROM discovery_states ORDER BY account

-- name: add_discovery_state!
INSERT INTO discovery_states (account) VALUES (:account)
ON CONFLICT (account) DO NOTHING

-- name: lock_discovery_state
SELECT * FROM discovery_states WHERE account = :account FOR UPDATE

-- name: save_discovery_state!
UPDATE discovery_states
SET feed_ready_at = :feed_ready_at, feed_problem = :feed_problem,
    feed_fetched_at = :feed_fetched_at, feed_emptied_at = :feed_emptied_at,
    feed_notified_at = :feed_notified_at, hook_ready_at = :hook_ready_at,
    hook_problem = :hook_problem, hook_pinged_at = :hook_pinged_at,
    hook_notified_at = :hook_notified_at, order_problem = :order_problem
WHERE account = :account

-- name: open_shipments_of_order
SELECT * FROM shipments
WHERE account = :account AND order_id = :order_id AND closed_at IS NULL
  AND delivered_published_at IS NULL
ORDER BY shipment FOR UPDATE

-- name: end_shipment!
-- Its order ended in VTEX, so nothing of it is published any more.
UPDATE shipments
SET closed_at = :now, closed_reason = :reason, due_at = NULL, events_due_at = NULL,
    events_waiting_since = NULL, not_before = NULL, failing_since = NULL, attempts = 0,
    stuck_reason = NULL, stuck_at = NULL, waiting_reason = NULL, version = version + 1,
    order_read_at = :now  -- the order is read again for an operator only
WHERE shipment = :shipment

-- name: delete_old_discovered!
DELETE FROM discovered_orders
WHERE account IN (SELECT s.account FROM discovery_states AS s)
  AND notified_at < :oldest AND look_at IS NULL

-- name: erase_discovered!
DELETE FROM discovered_orders WHERE account = :account AND order_id = :order_id

-- name: compare_again!
-- As for a parcel in transit: the order is read before the next write, and what it shows
-- counts as published.
UPDATE shipments SET imported = 1, compared_at = NULL, version = version + 1
WHERE shipment = :shipment AND closed_at IS NULL AND delivered_published_at IS NULL
