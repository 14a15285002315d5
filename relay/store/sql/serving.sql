-- name: note_serving!
INSERT INTO serving (host, listen, restart, noted_at)
VALUES (:host, :listen, :restart, :now)
ON CONFLICT (host, listen) DO UPDATE
SET restart = excluded.restart, noted_at = excluded.noted_at

-- name: serving_of_host
-- The latest first: earlier addresses of the same machine answer no more.
SELECT listen, restart FROM serving WHERE host = :host
ORDER BY noted_at DESC LIMIT 3
