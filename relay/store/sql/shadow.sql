-- name: shadow_due
-- Open shipments to compare: never read first, then changed ones, then the rest, so that
-- a used-up quota delays what is known best.
-- New events wait for their quiet time, as when they are published.
SELECT s.* FROM shipments AS s
LEFT JOIN shadow_comparisons AS c ON c.shipment = s.shipment
WHERE s.account = :account AND s.closed_at IS NULL AND s.lease IS NULL
  AND coalesce(s.events_due_at, 0) <= :now
  AND (c.shipment IS NULL OR c.tried_at <= :unchanged
       OR (c.tried_at <= :changed AND (c.version IS NULL OR c.version <> s.version)))
ORDER BY CASE WHEN c.shipment IS NULL THEN 0
              WHEN c.problem IS NULL AND (c.version IS NULL OR c.version <> s.version)
              THEN 1 ELSE 2 END, c.tried_at, s.shipment
LIMIT :limit

-- name: shadow_tried!
-- Before the read: one that ends the process is not repeated at once.
INSERT INTO shadow_comparisons (shipment, account, tried_at)
VALUES (:shipment, :account, :now)
ON CONFLICT (shipment) DO UPDATE SET tried_at = excluded.tried_at, version = NULL

-- name: shadow_compared!
UPDATE shadow_comparisons
SET version = :version, compared_at = :now, differences = :differences,
    requests = :requests, problem = NULL
WHERE shipment = :shipment

-- name: shadow_failed!
UPDATE shadow_comparisons SET problem = :problem WHERE shipment = :shipment

-- name: end_shadow!
-- Other systems have written meanwhile, so the order is read and compared before the
-- next write.
UPDATE shipments
SET shadowed_at = :now, compared_at = NULL, order_read_at = NULL, version = version + 1
WHERE account = :account AND (closed_at IS NULL OR closed_at >= :since)

-- name: delete_shadow_comparisons!
DELETE FROM shadow_comparisons WHERE account = :account

-- name: delete_shadow_comparison_of!
DELETE FROM shadow_comparisons WHERE shipment = :key

-- name: shadow_page
-- Comparisons of an account, the newest shipments first; without :all only those with a
-- difference or a problem. Cancelled and erased shipments are not compared any more.
SELECT c.*, s.id, s.contract, s.order_id, s.invoice_number
FROM shadow_comparisons AS c
JOIN shipments AS s ON s.shipment = c.shipment
WHERE c.account = :account AND c.shipment < :before
  AND coalesce(s.closed_reason, '') NOT IN ('cancelled', 'erased')
  AND (:all = 1 OR c.differences <> '[]' OR c.problem IS NOT NULL)
ORDER BY c.shipment DESC LIMIT :limit

-- name: shadow_counts
SELECT coalesce(sum(CASE WHEN c.compared_at IS NOT NULL THEN 1 ELSE 0 END), 0)
           AS compared,
       coalesce(sum(CASE WHEN c.differences <> '[]' THEN 1 ELSE 0 END), 0)
           AS different,
       coalesce(sum(CASE WHEN c.problem IS NOT NULL THEN 1 ELSE 0 END), 0)
           AS problems,
       coalesce(sum(CASE WHEN c.compared_at IS NULL AND c.problem IS NULL
                         THEN 1 ELSE 0 END), 0) AS pending
FROM shipments AS s
LEFT JOIN shadow_comparisons AS c ON c.shipment = s.shipment
WHERE s.account = :account AND (s.closed_at IS NULL OR c.shipment IS NOT NULL)
  AND coalesce(s.closed_reason, '') NOT IN ('cancelled', 'erased')
