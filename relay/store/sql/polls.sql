-- name: add_poll!
INSERT INTO polls (contract) VALUES (:contract)
ON CONFLICT (contract) DO NOTHING

-- name: release_poll!
-- Only when no other process can be calling: at a SQLite relay's start.
UPDATE polls SET lease = NULL, busy_until = 0 WHERE contract = :contract

-- name: list_polls
SELECT * FROM polls ORDER BY contract

-- name: contracts_of_open_parcels
-- Every open parcel has `poll_at`, so closed ones are not counted.
SELECT contract, count(*) AS parcels FROM parcel_polls
WHERE poll_at IS NOT NULL GROUP BY contract

-- name: contracts_to_poll
-- Poll state of contracts, and whether parcels or subscriptions are due. Lanes are listed
-- so that the index parcel_polls_due is used.
SELECT s.*,
       EXISTS (SELECT 1 FROM parcel_polls AS p
               WHERE p.contract = s.contract AND p.poll_lane IN (0, 1, 2, 3)
                 AND p.poll_at <= :now) AS polls_due,
       EXISTS (SELECT 1 FROM parcel_polls AS p
               WHERE p.contract = s.contract
                 AND p.subscribe_at <= :now) AS subscriptions_due
FROM json_each(:rows) AS j
JOIN polls AS s ON s.contract = (j.value ->> 'contract')
ORDER BY s.contract

-- name: poll_to_claim
-- Skips the row while another replica is claiming.
SELECT * FROM polls WHERE contract = :contract FOR UPDATE SKIP LOCKED

-- name: lock_poll
SELECT * FROM polls WHERE contract = :contract FOR UPDATE

-- name: save_poll!
UPDATE polls
SET day = :day, used = :used, calls = :calls, next_at = :next_at, lease = :lease,
    busy_until = :busy_until, failures = :failures, open_until = :open_until,
    reason = :reason, cursor = :cursor, fetch_at = :fetch_at,
    answered_at = :answered_at
WHERE contract = :contract

-- name: due_polls
-- `at_rest`: a closed shipment has nothing left to publish that could reopen it.
SELECT p.shipment, p.contract, p.volume, p.tracking_number, p.registered_at, p.poll_at,
       p.polled_at, p.poll_lane, p.poll_failures, s.invoice_key, s.closed_at,
       s.closed_reason,
       CASE WHEN s.due_at IS NULL AND s.events_due_at IS NULL AND s.lease IS NULL
            THEN 1 ELSE 0 END AS at_rest
FROM parcel_polls AS p
JOIN shipments AS s ON s.shipment = p.shipment
WHERE p.contract = :contract AND p.poll_lane = :lane AND p.poll_at <= :now
ORDER BY p.poll_at LIMIT :limit FOR UPDATE OF p SKIP LOCKED

-- name: due_subscriptions
SELECT p.shipment, p.contract, p.volume, p.tracking_number, p.registered_at, p.poll_at,
       p.polled_at, p.poll_lane, p.poll_failures, s.invoice_key, s.closed_at,
       s.closed_reason, 1 AS at_rest
FROM parcel_polls AS p
JOIN shipments AS s ON s.shipment = p.shipment
WHERE p.contract = :contract AND p.subscribe_at <= :now
ORDER BY p.subscribe_at LIMIT :limit FOR UPDATE OF p SKIP LOCKED

-- name: poll_events_of_shipments
-- Events of shipments that came from one contract, latest last.
SELECT p.shipment, p.volume, e.milestone,
       CASE WHEN e.milestone = 'delivered' AND e.effect IN ('normal', 'provisional', 'text_only')
             AND EXISTS (SELECT 1 FROM event_documents AS d
                         WHERE d.event = e.event AND d.denied = 1)
            THEN 'contradictory' ELSE e.effect END AS effect,
       e.occurred_at, e.received_at
FROM json_each(:rows) AS j
JOIN event_parcels AS p ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN events AS e ON e.event = p.event
JOIN reference_values AS r ON r.reference = e.reference
WHERE r.contract = :contract AND e.withdrawn_at IS NULL AND p.ambiguous = 0
  AND coalesce(p.decision, '') <> 'dropped'
ORDER BY e.occurred_at, e.position, e.event

-- name: references_to_poll
-- References under which a contract's carrier knows shipments, the parcel's own first.
SELECT p.shipment, p.volume, p.given, r.kind
FROM json_each(:rows) AS j
JOIN parcel_references AS p
  ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN reference_values AS r ON r.reference = p.reference
WHERE p.voided_at IS NULL AND r.contract = :contract
ORDER BY p.shipment, p.volume DESC, p.registered_at DESC, r.kind, r.value

-- name: claim_poll!
-- A failure is counted before the call: a parcel that crashes the process is then polled
-- in smaller batches, and alone in the end.
UPDATE parcel_polls SET poll_at = :until, poll_failures = poll_failures + 1
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: move_poll!
UPDATE parcel_polls SET poll_at = :poll_at, poll_lane = :poll_lane
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: parcel_answered!
-- If an operator or an event moved `poll_at` during the call, that time stays.
UPDATE parcel_polls
SET polled_at = :now, poll_failures = 0,
    poll_lane = CASE WHEN poll_at = :claimed THEN :poll_lane ELSE poll_lane END,
    poll_at = CASE WHEN poll_at = :claimed THEN CAST(:poll_at AS BIGINT)
                   ELSE poll_at END
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: parcel_unanswered!
UPDATE parcel_polls SET poll_at = :poll_at
WHERE shipment = :shipment AND contract = :contract AND volume = :volume
  AND poll_at = :claimed

-- name: move_subscription!
UPDATE parcel_polls SET subscribe_at = :subscribe_at
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: parcel_subscribed!
UPDATE parcel_polls
SET subscribe_at = CASE WHEN subscribe_at = :claimed
                        THEN CAST(:subscribe_at AS BIGINT) ELSE subscribe_at END
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: reset_distant_polls!
-- Times further ahead than any interval were written under a wrong clock.
UPDATE parcel_polls SET poll_at = :now
WHERE contract = :contract AND poll_lane IN (0, 1, 2, 3) AND poll_at > :furthest

-- name: bring_polls_forward!
-- Poll parcels with an urgent event soon, if their carrier is polled at all.
UPDATE parcel_polls SET poll_lane = 1, poll_at = :soon
WHERE poll_at > :soon
  AND (shipment, contract) IN (
    SELECT m.shipment, r.contract FROM json_each(:rows) AS j
    JOIN event_parcels AS m ON m.event = CAST(j.value ->> 'event' AS BIGINT)
    JOIN events AS e ON e.event = m.event
    JOIN reference_values AS r ON r.reference = e.reference)
  AND EXISTS (SELECT 1 FROM polls AS s WHERE s.contract = parcel_polls.contract)

-- name: known_references
-- Like find_references, without a lock: polled events may turn out to be known.
SELECT r.reference, r.contract, r.kind, r.value
FROM json_each(:rows) AS j
JOIN reference_values AS r
  ON r.contract = (j.value ->> 0)
 AND r.kind = (j.value ->> 1)
 AND r.value = (j.value ->> 2)

-- name: unreadables_since
SELECT digest FROM poll_unreadables
WHERE contract = :contract AND received_at >= :since

-- name: find_unreadable
SELECT digest FROM poll_unreadables
WHERE contract = :contract AND digest = :digest

-- name: add_unreadable!
INSERT INTO poll_unreadables (contract, digest, received_at)
VALUES (:contract, :digest, :now)
ON CONFLICT (contract, digest) DO NOTHING

-- name: delete_unreadables!
DELETE FROM poll_unreadables WHERE contract = :contract AND received_at < :before

-- name: reopen_for_polling!
-- Reopen an expired shipment; `tried_at` restarts the time after which it expires.
UPDATE shipments
SET tried_at = :now, version = version + 1,
    closed_at = CASE WHEN closed_reason = 'expired' THEN NULL ELSE closed_at END,
    closed_reason = CASE WHEN closed_reason = 'expired' THEN NULL
                          ELSE closed_reason END
WHERE shipment = :shipment

-- name: poll_parcels_now!
UPDATE parcel_polls
SET poll_at = :now, poll_lane = 0, poll_failures = 0, subscribe_at = :now
WHERE shipment = :shipment

-- name: put_poll!
-- Poll from :poll_at on; a parcel already polled keeps its turn unless its number changed.
INSERT INTO parcel_polls
    (shipment, contract, volume, tracking_number, registered_at, poll_at,
     subscribe_at)
VALUES (:shipment, :contract, :volume, :tracking_number, :now, :poll_at, :now)
ON CONFLICT (shipment, contract, volume) DO UPDATE
SET tracking_number = excluded.tracking_number,
    polled_at = CASE WHEN coalesce(parcel_polls.tracking_number, '')
                        = coalesce(excluded.tracking_number, '')
                     THEN parcel_polls.polled_at END,
    poll_at = CASE WHEN coalesce(parcel_polls.tracking_number, '')
                      = coalesce(excluded.tracking_number, '')
                   THEN parcel_polls.poll_at ELSE excluded.poll_at END,
    subscribe_at = CASE WHEN coalesce(parcel_polls.tracking_number, '')
                           = coalesce(excluded.tracking_number, '')
                        THEN parcel_polls.subscribe_at ELSE excluded.subscribe_at END

-- name: polls_of_shipment
SELECT * FROM parcel_polls WHERE shipment = :shipment ORDER BY volume, contract

-- name: delete_poll!
-- The corrected contract's carrier never had the parcel.
DELETE FROM parcel_polls WHERE shipment = :shipment AND contract = :contract

-- name: delete_polls!
DELETE FROM parcel_polls WHERE shipment = :shipment
