-- name: store_rejected!
INSERT INTO rejected_requests
    (contract, received_at, headers, body, sealed, size, reason, unsigned)
VALUES (:contract, :received_at, :headers, :body, :sealed, :size, :reason, :unsigned)

-- name: trim_rejected
-- Delete what exceeds the total size or the age; the newest stay.
DELETE FROM rejected_requests
WHERE contract = :contract AND rejected_request IN (
    SELECT rejected_request FROM (
        SELECT rejected_request, received_at,
               sum(size) OVER (ORDER BY rejected_request DESC) AS total
        FROM rejected_requests WHERE contract = :contract) AS ranked
    WHERE total > CAST(:max_bytes AS BIGINT)
       OR received_at < CAST(:oldest AS BIGINT))
RETURNING received_at, accepted_at

-- name: count_rejected!
INSERT INTO rejected_counts (contract, rejected, dropped, first_at, last_at)
VALUES (:contract, :rejected, :dropped, :first_at, :last_at)
ON CONFLICT (contract) DO UPDATE SET
    rejected = rejected_counts.rejected + excluded.rejected,
    dropped = rejected_counts.dropped + excluded.dropped,
    last_at = excluded.last_at

-- name: rejections
-- Totals by contract; `waiting` are stored and not accepted.
SELECT c.*, (
    SELECT count(*) FROM rejected_requests AS r
    WHERE r.contract = c.contract AND r.accepted_at IS NULL) AS waiting, (
    SELECT count(*) FROM rejected_requests AS r
    WHERE r.contract = c.contract AND r.accepted_at IS NULL AND r.unsigned = 1)
    AS unsigned
FROM rejected_counts AS c ORDER BY c.contract

-- name: rejected_of_contract
-- A page of requests, oldest first.
SELECT * FROM rejected_requests
WHERE contract = :contract AND accepted_at IS NULL AND rejected_request > :after
ORDER BY rejected_request LIMIT :limit

-- name: rejected_request
SELECT * FROM rejected_requests
WHERE rejected_request = :rejected_request AND accepted_at IS NULL

-- name: lock_rejected
SELECT * FROM rejected_requests
WHERE rejected_request = :rejected_request AND accepted_at IS NULL FOR UPDATE

-- name: accept_rejected!
-- The row stays without its content, so that its number is not assigned again.
UPDATE rejected_requests
SET accepted_at = :now, body = :empty, sealed = :empty, headers = '{}', size = 0
WHERE rejected_request = :rejected_request

-- name: uncount_accepted!
-- An accepted request no longer counts as rejected.
UPDATE rejected_counts SET rejected = rejected - 1
WHERE contract = :contract AND rejected > 0

-- name: count_refused!
INSERT INTO refused_webhooks
    (contract, path, method, status, reason, hint, requests, first_at, last_at)
VALUES (:contract, :path, :method, :status, :reason, :hint, :requests, :first_at,
        :last_at)
ON CONFLICT (contract, path, method, status, reason) DO UPDATE SET
    hint = excluded.hint,
    requests = refused_webhooks.requests + excluded.requests,
    last_at = excluded.last_at

-- name: trim_refused!
-- The kinds of one contract that were refused last stay.
DELETE FROM refused_webhooks
WHERE contract = :contract AND refusal NOT IN (
    SELECT refusal FROM refused_webhooks WHERE contract = :contract
    ORDER BY last_at DESC, refusal DESC LIMIT :most)

-- name: delete_old_refusals!
DELETE FROM refused_webhooks WHERE last_at < :oldest

-- name: delete_old_rejections!
DELETE FROM rejected_counts WHERE last_at < :oldest
