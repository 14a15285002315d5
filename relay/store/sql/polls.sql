-- name: begin_polling!
INSERT INTO polls (contract) VALUES (:contract)
ON CONFLICT (contract) DO NOTHING

-- name: take_back_poll!
-- Nobody is alive who could be calling.
UPDATE polls SET lease = NULL, busy_until = 0 WHERE contract = :contract

-- name: list_polls
SELECT * FROM polls ORDER BY contract

-- name: contracts_of_open_parcels
-- As far as they have a turn to be asked for, which all that are open have.
SELECT contract, count(*) AS parcels FROM parcel_polls
WHERE poll_at IS NOT NULL GROUP BY contract

-- name: contracts_to_poll
-- How contracts may be asked, and whether there is anything to ask for.
SELECT s.*,
       EXISTS (SELECT 1 FROM parcel_polls AS p
               WHERE p.contract = s.contract AND p.poll_lane IN (0, 1, 2, 3)
                 AND p.poll_at <= :now) AS asks,
       EXISTS (SELECT 1 FROM parcel_polls AS p
               WHERE p.contract = s.contract
                 AND p.subscribe_at <= :now) AS subscribes
FROM json_each(:rows) AS j
JOIN polls AS s ON s.contract = (j.value ->> 'contract')
ORDER BY s.contract

-- name: poll_to_claim
-- Another replica that is claiming is passed over.
SELECT * FROM polls WHERE contract = :contract FOR UPDATE SKIP LOCKED

-- name: lock_poll
SELECT * FROM polls WHERE contract = :contract FOR UPDATE

-- name: save_poll!
UPDATE polls
SET day = :day, used = :used, calls = :calls, next_at = :next_at, lease = :lease,
    busy_until = :busy_until, failures = :failures, open_until = :open_until,
    because = :because, cursor = :cursor, fetch_at = :fetch_at
WHERE contract = :contract

-- name: due_polls
-- At rest: nothing of a closed shipment waits to be told, which might reopen it.
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

-- name: heard_of_shipments
-- What the carrier of one contract said of shipments, the latest last.
SELECT p.shipment, p.volume, e.milestone, e.effect, e.occurred_at, e.received_at
FROM json_each(:rows) AS j
JOIN event_parcels AS p ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN events AS e ON e.event = p.event
JOIN reference_values AS r ON r.reference = e.reference
WHERE r.contract = :contract AND e.withdrawn_at IS NULL AND p.ambiguous = 0
  AND coalesce(p.decision, '') <> 'dropped'
ORDER BY e.occurred_at, e.position, e.event

-- name: references_to_ask
-- Under what a contract's carrier knows shipments, the parcel's own first.
SELECT p.shipment, p.volume, p.given, r.kind
FROM json_each(:rows) AS j
JOIN parcel_references AS p
  ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN reference_values AS r ON r.reference = p.reference
WHERE p.voided_at IS NULL AND r.contract = :contract
ORDER BY p.shipment, p.volume DESC, p.registered_at DESC, r.kind, r.value

-- name: claim_poll!
-- Counted before it is asked: what stops the process is asked for alone, later.
UPDATE parcel_polls SET poll_at = :until, poll_failures = poll_failures + 1
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: move_poll!
UPDATE parcel_polls SET poll_at = :poll_at, poll_lane = :poll_lane
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: parcel_answered!
-- What somebody else moved meanwhile stays where they put it.
UPDATE parcel_polls
SET polled_at = :now, poll_failures = 0,
    poll_lane = CASE WHEN poll_at = :claimed THEN :poll_lane ELSE poll_lane END,
    poll_at = CASE WHEN poll_at = :claimed THEN CAST(:poll_at AS BIGINT)
                   ELSE poll_at END
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: parcel_unanswered!
UPDATE parcel_polls SET poll_at = :poll_at
WHERE shipment = :shipment AND contract = :contract AND volume = :volume AND poll_at = :claimed

-- name: move_subscription!
UPDATE parcel_polls SET subscribe_at = :subscribe_at
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: parcel_subscribed!
UPDATE parcel_polls
SET subscribed_until = :until,
    subscribe_at = CASE WHEN subscribe_at = :claimed
                        THEN CAST(:subscribe_at AS BIGINT) ELSE subscribe_at END
WHERE shipment = :shipment AND contract = :contract AND volume = :volume

-- name: bring_polls_back!
-- After a clock that was wrong.
UPDATE parcel_polls SET poll_at = :now
WHERE contract = :contract AND poll_lane IN (0, 1, 2, 3) AND poll_at > :furthest

-- name: hasten_polls!
-- Parcels of which a carrier said something urgent, if it is asked for them at all.
UPDATE parcel_polls SET poll_lane = 1, poll_at = :soon
WHERE poll_at > :soon
  AND (shipment, contract) IN (
    SELECT m.shipment, r.contract FROM json_each(:rows) AS j
    JOIN event_parcels AS m ON m.event = CAST(j.value ->> 'event' AS BIGINT)
    JOIN events AS e ON e.event = m.event
    JOIN reference_values AS r ON r.reference = e.reference)
  AND EXISTS (SELECT 1 FROM polls AS s WHERE s.contract = parcel_polls.contract)

-- name: references_known
-- As `find_references`, without a lock: for what may not be stored at all.
SELECT r.reference, r.contract, r.kind, r.value
FROM json_each(:rows) AS j
JOIN reference_values AS r
  ON r.contract = (j.value ->> 0)
 AND r.kind = (j.value ->> 1)
 AND r.value = (j.value ->> 2)

-- name: unreadables_of_day
SELECT digest FROM poll_unreadables
WHERE contract = :contract AND seen_at >= :since

-- name: unreadable_seen
SELECT digest FROM poll_unreadables
WHERE contract = :contract AND digest = :digest

-- name: see_unreadable!
INSERT INTO poll_unreadables (contract, digest, seen_at)
VALUES (:contract, :digest, :now)
ON CONFLICT (contract, digest) DO NOTHING

-- name: forget_unreadables!
DELETE FROM poll_unreadables WHERE contract = :contract AND seen_at < :before

-- name: track_shipment_again!
-- An expired shipment is open again, and the sweep waits anew.
UPDATE shipments
SET tried_at = :now, news = news + 1,
    closed_at = CASE WHEN closed_reason = 'expired' THEN NULL ELSE closed_at END,
    closed_reason = CASE WHEN closed_reason = 'expired' THEN NULL
                          ELSE closed_reason END
WHERE shipment = :shipment

-- name: poll_parcels_now!
UPDATE parcel_polls
SET poll_at = :now, poll_lane = 0, poll_failures = 0, subscribe_at = :now
WHERE shipment = :shipment

-- name: put_poll!
-- Asked for from then on; at a new number, anew.
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

-- name: forget_poll!
-- Another carrier has the parcel, and never had this one.
DELETE FROM parcel_polls WHERE shipment = :shipment AND contract = :contract

-- name: forget_polls!
DELETE FROM parcel_polls WHERE shipment = :shipment
