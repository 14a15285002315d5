-- name: store_handshake!
INSERT INTO handshakes (contract, answered_at) VALUES (:contract, :answered_at)
ON CONFLICT (contract) DO UPDATE SET answered_at = excluded.answered_at

-- name: list_handshakes
SELECT * FROM handshakes
