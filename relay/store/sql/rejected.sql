-- name: store_rejected!
INSERT INTO rejected_requests (contract, received_at, headers, body, presented, reason)
VALUES (:contract, :received_at, :headers, :body, :presented, :reason)

-- name: trim_rejected!
-- Delete what exceeds the count, the total size or the age; the newest stay.
DELETE FROM rejected_requests
WHERE contract = :contract AND rejected_request IN (
    SELECT rejected_request FROM (
        SELECT rejected_request, received_at,
               row_number() OVER (ORDER BY rejected_request DESC) AS place,
               sum(length(body)) OVER (ORDER BY rejected_request DESC) AS size
        FROM rejected_requests WHERE contract = :contract) AS ranked
    WHERE place > CAST(:keep AS BIGINT) OR size > CAST(:max_bytes AS BIGINT)
       OR received_at < CAST(:oldest AS BIGINT))

-- name: rejected_of_contract
SELECT * FROM rejected_requests WHERE contract = :contract AND accepted_at IS NULL
ORDER BY rejected_request

-- name: rejected_request
SELECT * FROM rejected_requests
WHERE rejected_request = :rejected_request AND accepted_at IS NULL

-- name: lock_rejected
SELECT * FROM rejected_requests
WHERE rejected_request = :rejected_request AND accepted_at IS NULL FOR UPDATE

-- name: accept_rejected!
-- The row stays without its content, so that its number is not assigned again.
UPDATE rejected_requests SET accepted_at = :now, body = :empty, headers = '{}'
WHERE rejected_request = :rejected_request
