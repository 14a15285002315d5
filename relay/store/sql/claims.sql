-- name: accounts_with_work
-- Accounts with ready shipments, whether or not calls are allowed. Lanes are listed so
-- that the index shipments_ready is used.
SELECT a.* FROM accounts AS a
WHERE EXISTS (
    SELECT 1 FROM shipments AS s
    WHERE s.account = a.account AND s.lane IN (0, 1, 2) AND s.ready_at <= :now)
ORDER BY a.account

-- name: next_ready
-- Earliest `ready_at` in one lane of an account.
SELECT s.ready_at FROM shipments AS s
WHERE s.account = :account AND s.lane = :lane AND s.ready_at IS NOT NULL
ORDER BY s.ready_at LIMIT 1

-- name: traces_of_shipments
-- Asked only if requests are traced: the latest document with an event that VTEX lacks.
SELECT shipment, trace FROM (
    SELECT p.shipment, d.trace,
           row_number() OVER (PARTITION BY p.shipment ORDER BY d.document DESC) AS place
    FROM json_each(:rows) AS j
    JOIN event_parcels AS p ON p.shipment = CAST(CAST(j.value AS TEXT) AS BIGINT)
    JOIN event_documents AS e ON e.event = p.event
    JOIN documents AS d ON d.document = e.document AND d.trace IS NOT NULL
    WHERE NOT EXISTS (
        SELECT 1 FROM published AS sent
        WHERE sent.shipment = p.shipment AND sent.event = p.event
          AND sent.accepted_at IS NOT NULL)) AS found
WHERE place = 1

-- name: account
SELECT * FROM accounts WHERE account = :account

-- name: lock_account
SELECT * FROM accounts WHERE account = :account FOR UPDATE

-- name: list_accounts
SELECT * FROM accounts ORDER BY account

-- name: save_account!
UPDATE accounts
SET write_closed = :write_closed, write_retry_at = :write_retry_at,
    read_closed = :read_closed, read_retry_at = :read_retry_at,
    busy_until = :busy_until, outage_since = :outage_since, probe_at = :probe_at,
    write_suspected_at = :write_suspected_at,
    refused_message = :refused_message, refused_count = :refused_count,
    paused_reason = :paused_reason, accepted_at = :accepted_at,
    credentials = :credentials, permits = :permits, permits_at = :permits_at,
    claims = :claims, list_mode = :list_mode,
    list_mode_evidence = :list_mode_evidence, list_mode_at = :list_mode_at,
    read_backs_day = :read_backs_day, read_backs = :read_backs,
    shadow_since = :shadow_since
WHERE account = :account

-- name: count_leased
-- Of both kinds of work: they share the account's limit.
SELECT (SELECT count(*) FROM shipments
        WHERE account = :account AND lease IS NOT NULL AND lease_until > :now)
     + (SELECT count(*) FROM invoices
        WHERE account = :account AND lease IS NOT NULL AND lease_until > :now) AS leased

-- name: claim_shipments
-- Lease the longest-ready shipments. `due_at` stays set, so an expired lease leaves them
-- due; a change during the lease raises `version`, which `settle` compares. Materialized:
-- PostgreSQL may run a subquery several times, and each would skip the rows locked before.
WITH ready AS MATERIALIZED (
    SELECT s.shipment FROM shipments AS s
    WHERE s.account = :account AND s.lane = :lane AND s.ready_at <= :now
    ORDER BY s.ready_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE shipments
SET lease = :lease, lease_until = :lease_until, due_at = :now, events_due_at = NULL,
    events_waiting_since = NULL, attempts = attempts + 1, tried_at = :now
WHERE shipment IN (SELECT shipment FROM ready)
RETURNING *

-- name: claim_probe
-- Lease the shipment tried longest ago: one that always fails must not be every probe.
WITH ready AS MATERIALIZED (
    SELECT s.shipment FROM shipments AS s
    WHERE s.account = :account AND s.lane IN (0, 1, 2) AND s.ready_at <= :now
    ORDER BY coalesce(s.tried_at, 0), s.ready_at LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE shipments
SET lease = :lease, lease_until = :lease_until, due_at = :now, events_due_at = NULL,
    events_waiting_since = NULL, attempts = attempts + 1, tried_at = :now
WHERE shipment IN (SELECT shipment FROM ready)
RETURNING *

-- name: published_of_shipments
-- The columns are unpacked by position: see _published in snapshots.py.
SELECT t.shipment, t.volume, t.occurred_at, t.code, t.position, t.object, t.event,
       t.accepted_at
FROM json_each(:rows) AS j
JOIN published AS t ON t.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
WHERE t.withdrawn_at IS NULL
ORDER BY t.shipment, t.occurred_at, t.position

-- name: siblings_of_shipments
-- The invoices of the same orders that other shipments have, as VTEX knows them.
SELECT CAST(j.value ->> 'shipment' AS BIGINT) AS shipment,
       coalesce(o.vtex_invoice_number, o.invoice_number) AS invoice_number
FROM json_each(:rows) AS j
JOIN shipments AS s ON s.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN shipments AS o
  ON o.account = s.account AND o.order_id = s.order_id AND o.shipment <> s.shipment

-- name: leases_held
SELECT s.shipment FROM json_each(:rows) AS j
JOIN shipments AS s
  ON s.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
 AND s.lease = (j.value ->> 'lease')
ORDER BY s.shipment FOR UPDATE OF s

-- name: expired_leases
-- Claims that were never settled: their stored write may have reached VTEX.
SELECT shipment, account, lease_until, pending FROM shipments
WHERE account = :account AND lease IS NOT NULL AND lease_until <= :now
ORDER BY shipment LIMIT 500 FOR UPDATE SKIP LOCKED

-- name: any_expired_lease
SELECT shipment FROM shipments
WHERE account = :account AND lease IS NOT NULL AND lease_until <= :now LIMIT 1

-- name: expire_lease!
UPDATE shipments
SET lease = NULL, lease_until = NULL, due_at = :now,
    in_doubt_since = CASE WHEN pending IS NULL THEN in_doubt_since
                          ELSE coalesce(in_doubt_since, :now) END,
    not_before = CASE WHEN pending IS NULL THEN not_before ELSE :not_before END
WHERE shipment = :shipment

-- name: answer_call!
UPDATE vtex_calls
SET answered_at = :now, status = :status, message = :message, receipt = :receipt,
    sent = :sent
WHERE call = :call

-- name: accept_published!
UPDATE published SET accepted_at = :now
WHERE shipment = :shipment AND volume = :volume AND occurred_at = :occurred_at
  AND code = :code

-- name: accept_shown!
-- Events that the order at VTEX already showed before the relay's first write.
INSERT INTO published
    (shipment, volume, occurred_at, code, position, object, event, stored_at,
     accepted_at)
VALUES (:shipment, :volume, :occurred_at, :code, :position, :object, :event, :now,
        :now)
ON CONFLICT (shipment, volume, occurred_at, code) DO UPDATE
SET object = excluded.object, event = excluded.event, position = excluded.position,
    stored_at = excluded.stored_at, accepted_at = excluded.accepted_at,
    withdrawn_at = NULL

-- name: record_comparison!
UPDATE shipments SET compared_at = :now WHERE shipment = :shipment

-- name: delete_unaccepted!
DELETE FROM published WHERE shipment = :shipment AND accepted_at IS NULL

-- name: accept_tracking!
UPDATE shipments
SET tracking_sent_as = :tracking_sent_as, pending = NULL, in_doubt_since = NULL
WHERE shipment = :shipment

-- name: accept_publishing!
-- A delivery sent after an unconfirmed write stays in doubt until it is read back.
UPDATE shipments
SET pending = NULL,
    in_doubt_since = CASE WHEN :read_back = 1 THEN in_doubt_since ELSE NULL END,
    delivered_published_at = CASE WHEN :is_delivered = 1
        THEN coalesce(delivered_published_at, :now) ELSE delivered_published_at END,
    taking_back = CASE WHEN :is_delivered = 1 OR taking_back IS NULL THEN NULL
                  ELSE 'sent' END
WHERE shipment = :shipment

-- name: count_update!
-- VTEX accepted a list of events: what it shows is to be verified again.
UPDATE shipments
SET updates = updates + 1, verified_at = NULL, difference_at = NULL,
    read_backs = read_backs + :by_quota, read_back_at = :read_back_at,
    delivered_as = coalesce(:delivered_as, delivered_as)
WHERE shipment = :shipment

-- name: record_verified!
-- VTEX shows what was sent; `verified_at` is when that was seen first.
UPDATE shipments
SET verified_at = coalesce(verified_at, :now), read_back_at = NULL, difference_at = NULL,
    in_doubt_since = NULL
WHERE shipment = :shipment

-- name: record_difference!
UPDATE shipments
SET difference_at = coalesce(difference_at, :now), read_back_at = :read_back_at,
    verified_at = NULL
WHERE shipment = :shipment

-- name: repair_shipment!
-- A difference that VTEX showed twice: what it does not show is sent again, once.
UPDATE shipments
SET repaired_at = :now, difference_at = NULL, read_back_at = :now, in_doubt_since = NULL,
    tracking_sent_as = CASE WHEN :tracking = 1 THEN NULL ELSE tracking_sent_as END,
    delivered_published_at = CASE WHEN :delivery = 1 THEN NULL
                             ELSE delivered_published_at END,
    delivered_sent_at = CASE WHEN :delivery = 1 THEN NULL ELSE delivered_sent_at END,
    resent_at = :now
WHERE shipment = :shipment

-- name: record_shown_before!
UPDATE shipments SET shown_before = :shown_before WHERE shipment = :shipment

-- name: delivery_taken_back!
UPDATE shipments SET taking_back = NULL WHERE shipment = :shipment

-- name: record_contradiction!
UPDATE shipments
SET contradicted_reason = CAST(:reason AS TEXT),
    contradicted_at = CASE WHEN CAST(:reason AS TEXT) IS NULL THEN NULL
                      ELSE coalesce(contradicted_at, CAST(:now AS BIGINT)) END
WHERE shipment = :shipment

-- name: clear_pending!
-- `in_doubt_since` stays: a delivery published later is then read back.
UPDATE shipments
SET pending = NULL,
    delivered_sent_at = CASE WHEN :delivery_refuted = 1 THEN NULL ELSE delivered_sent_at END
WHERE shipment = :shipment

-- name: record_order_read!
UPDATE shipments
SET order_read_at = :now,
    vtex_invoice_number = coalesce(:vtex_invoice_number, vtex_invoice_number)
WHERE shipment = :shipment

-- name: forget_order_read!
-- VTEX does not have the invoice (any more): the order is read before the next write.
UPDATE shipments SET order_read_at = NULL WHERE shipment = :shipment

-- name: publish_again!
-- An invoice that was exchanged: VTEX has neither number nor delivery under the new one.
UPDATE shipments
SET tracking_sent_as = NULL, pending = NULL, in_doubt_since = NULL,
    delivered_sent_at = NULL, delivered_published_at = NULL, resent_at = :now,
    updates = 0, shown_before = NULL, read_back_at = NULL, difference_at = NULL,
    verified_at = NULL
WHERE shipment = :shipment

-- name: delete_published!
DELETE FROM published
WHERE shipment = :shipment AND volume = :volume AND occurred_at = :occurred_at
  AND code = :code

-- name: note_order_end!
INSERT INTO notes (shipment, noted_at, text)
SELECT shipment, :now, :text FROM shipments
WHERE account = :account AND order_id = :order_id
  AND coalesce(closed_reason, '') <> :reason
  AND (shipment = :shipment
       OR (closed_at IS NULL AND lease IS NULL AND pending IS NULL))

-- name: close_order!
-- Those that are leased, or have an unconfirmed write, read the order themselves.
UPDATE shipments
SET closed_at = :now, closed_reason = :reason, due_at = NULL, events_due_at = NULL,
    events_waiting_since = NULL, not_before = NULL, failing_since = NULL, attempts = 0,
    stuck_reason = NULL, stuck_at = NULL, waiting_reason = NULL, version = version + 1
WHERE shipment IN (
    SELECT s.shipment FROM shipments AS s
    WHERE s.account = :account AND s.order_id = :order_id AND s.shipment <> :shipment
      AND s.closed_at IS NULL AND s.lease IS NULL AND s.pending IS NULL
    ORDER BY s.shipment FOR UPDATE SKIP LOCKED)

-- name: end_writes!
-- `order_read_at` is set: an ended order is read again for an operator only.
UPDATE shipments SET pending = NULL, in_doubt_since = NULL, order_read_at = :now
WHERE shipment = :shipment

-- name: quarantine_event!
UPDATE event_parcels SET quarantine_reason = :reason
WHERE shipment = :shipment AND event = :event

-- name: store_write!
-- Stored before the call. `delivered_sent_at` survives a lost answer: see next_update.py.
UPDATE shipments
SET pending = :pending,
    delivered_sent_at = CASE WHEN :is_delivered = 1 THEN coalesce(delivered_sent_at, :now)
                        ELSE delivered_sent_at END
WHERE shipment = :shipment

-- name: store_published!
INSERT INTO published
    (shipment, volume, occurred_at, code, position, object, event, stored_at)
VALUES (:shipment, :volume, :occurred_at, :code, :position, :object, :event, :now)
ON CONFLICT (shipment, volume, occurred_at, code) DO UPDATE
SET object = excluded.object, event = excluded.event, stored_at = excluded.stored_at,
    position = excluded.position, withdrawn_at = NULL, accepted_at = NULL

-- name: store_call!
INSERT INTO vtex_calls (call, shipment, account, kind, body, stored_at)
VALUES (:call, :shipment, :account, :kind, :body, :now)

-- name: postpone_failed!
-- A shipment that could not be planned: nothing was sent, and a stored write stays.
UPDATE shipments
SET lease = NULL, lease_until = NULL, lane = :lane, due_at = :until, not_before = :until,
    failing_since = coalesce(failing_since, :now), waiting_reason = :reason,
    stuck_reason = CAST(:stuck_reason AS TEXT),
    stuck_at = CASE WHEN CAST(:stuck_reason AS TEXT) IS NULL THEN NULL ELSE :now END
WHERE shipment = :shipment

-- name: settle!
-- A shipment whose `version` changed during the claim stays due now. PostgreSQL needs
-- the casts to type parameters that may be NULL.
UPDATE shipments
SET lease = NULL, lease_until = NULL,
    due_at = CASE WHEN version = :version THEN CAST(:due_at AS BIGINT)
                  ELSE CAST(:now AS BIGINT) END,
    not_before = :not_before, lane = :lane, attempts = :attempts,
    failing_since = :failing_since, waiting_reason = :waiting_reason,
    stuck_reason = :stuck_reason,
    stuck_at = CASE WHEN CAST(:stuck_reason AS TEXT) IS NULL THEN NULL ELSE :now END,
    closed_at = CASE WHEN closed_reason = 'cancelled' THEN closed_at
                     WHEN CAST(:closed_reason AS TEXT) IS NULL THEN NULL
                     ELSE coalesce(closed_at, :now) END,
    closed_reason = CASE WHEN closed_reason = 'cancelled' THEN closed_reason
                          ELSE :closed_reason END,
    in_doubt_since = CASE WHEN :in_doubt = 1 THEN coalesce(in_doubt_since, :now)
                          ELSE in_doubt_since END
WHERE shipment = :shipment

-- name: settle_published!
-- `accept_publishing`, `count_update` and `settle` in one, for the usual end of a claim.
UPDATE shipments
SET lease = NULL, lease_until = NULL,
    due_at = CASE WHEN version = :version THEN CAST(:due_at AS BIGINT)
                  ELSE CAST(:now AS BIGINT) END,
    not_before = :not_before, lane = :lane, attempts = :attempts,
    failing_since = :failing_since, waiting_reason = :waiting_reason,
    stuck_reason = :stuck_reason,
    stuck_at = CASE WHEN CAST(:stuck_reason AS TEXT) IS NULL THEN NULL ELSE :now END,
    closed_at = CASE WHEN closed_reason = 'cancelled' THEN closed_at
                     WHEN CAST(:closed_reason AS TEXT) IS NULL THEN NULL
                     ELSE coalesce(closed_at, :now) END,
    closed_reason = CASE WHEN closed_reason = 'cancelled' THEN closed_reason
                          ELSE :closed_reason END,
    updates = updates + 1, verified_at = NULL, difference_at = NULL,
    read_backs = read_backs + :by_quota, read_back_at = CAST(:read_back_at AS BIGINT),
    delivered_as = coalesce(CAST(:delivered_as AS TEXT), delivered_as),
    pending = NULL,
    in_doubt_since = CASE WHEN :read_back = 1 THEN in_doubt_since ELSE NULL END,
    delivered_published_at = CASE WHEN :is_delivered = 1
        THEN coalesce(delivered_published_at, :now) ELSE delivered_published_at END,
    taking_back = CASE WHEN :is_delivered = 1 OR taking_back IS NULL THEN NULL
                  ELSE 'sent' END
WHERE shipment = :shipment
