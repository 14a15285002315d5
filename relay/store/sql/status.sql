-- For the status: when each part last worked.

-- name: last_received
-- The latest document of a contract, among the latest :most of all contracts: documents
-- have no index by contract, because intake must stay cheap.
SELECT d.received_at, d.unreadable_reason FROM documents AS d
WHERE d.contract = :contract AND d.source IN ('webhook', 'poll', 'endpoint')
  AND d.document > (SELECT coalesce(max(n.document), 0) FROM documents AS n)
                   - CAST(:most AS BIGINT)
ORDER BY d.document DESC LIMIT 1

-- name: last_webhook
-- As `last_received`, without polls.
SELECT d.received_at FROM documents AS d
WHERE d.contract = :contract AND d.source = 'webhook'
  AND d.document > (SELECT coalesce(max(n.document), 0) FROM documents AS n)
                   - CAST(:most AS BIGINT)
ORDER BY d.document DESC LIMIT 1

-- name: count_unconfirmed
SELECT account, count(*) AS shipments FROM shipments
WHERE in_doubt_since IS NOT NULL GROUP BY account

-- name: rejected_after
SELECT count(*) AS requests, coalesce(sum(unsigned), 0) AS unsigned,
       min(received_at) AS first, max(received_at) AS latest
FROM rejected_requests
WHERE contract = :contract AND accepted_at IS NULL AND received_at > :since

-- name: oldest_due
SELECT account, min(ready_at) AS ready_at FROM shipments
WHERE lane IN (0, 1, 2) AND ready_at <= :now GROUP BY account

-- name: add_probe!
-- Shipments are numbered from 1. Other transactions never see the row: it is deleted in the same transaction.
INSERT INTO notes (shipment, noted_at, text) VALUES (0, :now, CAST(:text AS TEXT))

-- name: delete_probe!
DELETE FROM notes WHERE shipment = 0
