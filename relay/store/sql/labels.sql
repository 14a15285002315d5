-- name: shipment_by_invoice
SELECT * FROM shipments
WHERE account = :account AND order_id = :order_id
  AND invoice_number = :invoice_number FOR UPDATE

-- name: find_shipment
-- Without a lock: references are locked before shipments, or two writers deadlock.
SELECT * FROM shipments
WHERE account = :account AND order_id = :order_id
  AND invoice_number = :invoice_number

-- name: shipments_of_invoices
-- Without a lock, as `find_shipment`.
SELECT s.shipment, s.account, s.order_id, s.invoice_number, s.closed_reason
FROM json_each(:rows) AS j
CROSS JOIN shipments AS s
WHERE s.account = j.value ->> 'account' AND s.order_id = j.value ->> 'order_id'
  AND s.invoice_number = j.value ->> 'invoice_number'

-- name: shipment_by_id
SELECT * FROM shipments WHERE id = :id

-- name: lock_shipment_by_id
SELECT * FROM shipments WHERE id = :id FOR UPDATE

-- name: add_shipment
-- Returns nothing if the invoice has a shipment already.
INSERT INTO shipments
    (id, account, order_id, invoice_number, contract, volumes, registered_at)
VALUES (:id, :account, :order_id, :invoice_number, :contract, 0, :now)
ON CONFLICT (account, order_id, invoice_number) DO NOTHING
RETURNING *

-- name: add_account!
INSERT INTO accounts (account) VALUES (:account)
ON CONFLICT (account) DO NOTHING

-- name: change_shipment!
UPDATE shipments
SET contract = :contract, volumes = :volumes, registered_at = :registered_at,
    dispatched_at = :dispatched_at, invoice_key = :invoice_key,
    promised_on = :promised_on, tracking_number = :tracking_number,
    tracking_url = :tracking_url, courier = :courier,
    dispatched_date = :dispatched_date, tracking_sent_as = :tracking_sent_as,
    closed_at = :closed_at, closed_reason = :closed_reason,
    stuck_at = :stuck_at, stuck_reason = :stuck_reason,
    imported = :imported, compared_at = :compared_at,
    resent_at = :resent_at, given = :given
WHERE shipment = :shipment

-- name: register_shipment!
-- `change_shipment` and `make_due` in one, for a shipment that was just added.
UPDATE shipments
SET contract = :contract, volumes = :volumes, registered_at = :registered_at,
    dispatched_at = :dispatched_at, invoice_key = :invoice_key,
    promised_on = :promised_on, tracking_number = :tracking_number,
    tracking_url = :tracking_url, courier = :courier,
    dispatched_date = :dispatched_date, tracking_sent_as = :tracking_sent_as,
    imported = CAST(:imported AS BIGINT), given = :given, due_at = :registered_at,
    lane = CASE WHEN CAST(:imported AS BIGINT) = 1 THEN 1 ELSE 2 END, version = version + 1
WHERE shipment = :shipment

-- name: make_due!
-- Due now, in the label lane (2), or the backlog (1) if imported and not yet compared.
-- Lanes: see snapshots.py.
UPDATE shipments
SET due_at = CASE WHEN due_at IS NULL OR due_at > :now THEN :now ELSE due_at END,
    lane = CASE WHEN imported = 1 AND compared_at IS NULL THEN 1
                WHEN events_due_at IS NOT NULL THEN 0 ELSE 2 END,
    version = version + 1
WHERE shipment = :shipment

-- name: parcels_of_shipment
SELECT * FROM parcels WHERE shipment = :shipment ORDER BY volume

-- name: put_parcel!
INSERT INTO parcels
    (shipment, volume, contract, tracking_number, registered_at, dispatched_at)
VALUES (:shipment, :volume, :contract, :tracking_number, :now, :dispatched_at)
ON CONFLICT (shipment, volume) DO UPDATE
SET contract = excluded.contract, tracking_number = excluded.tracking_number,
    dispatched_at = coalesce(parcels.dispatched_at, excluded.dispatched_at)

-- name: delete_parcels!
-- Parcels registered before a cancellation; their references were voided.
DELETE FROM parcels WHERE shipment = :shipment

-- name: others_under_reference
-- Open shipments of other orders with the same reference. CROSS JOIN stops SQLite from
-- reordering the joins: https://sqlite.org/optoverview.html#crossjoin
SELECT DISTINCT s.order_id, s.invoice_number
FROM json_each(:rows) AS j
CROSS JOIN parcel_references AS p
CROSS JOIN shipments AS s
WHERE p.reference = CAST(j.value ->> 'reference' AS BIGINT) AND p.voided_at IS NULL
  AND s.shipment = p.shipment AND s.closed_at IS NULL AND s.account = :account
  AND s.order_id <> :order_id
ORDER BY 1, 2 LIMIT 5

-- name: foreign_references
-- References of open shipments of other accounts than these.
SELECT p.reference, p.given
FROM json_each(:rows) AS j
CROSS JOIN parcel_references AS p
CROSS JOIN shipments AS s
WHERE p.reference = CAST(j.value ->> 'reference' AS BIGINT) AND p.voided_at IS NULL
  AND s.shipment = p.shipment AND s.closed_at IS NULL
  AND s.account NOT IN (SELECT a.value ->> 'account' FROM json_each(:accounts) AS a)
ORDER BY 1 LIMIT 1

-- name: note!
INSERT INTO notes (shipment, noted_at, text) VALUES (:shipment, :now, :text)

-- name: cancel_shipment!
UPDATE shipments
SET closed_at = :now, closed_reason = 'cancelled', due_at = NULL,
    events_due_at = NULL, stuck_reason = NULL, stuck_at = NULL
WHERE shipment = :shipment

-- name: retry_shipment!
-- `not_before` stays while a write is unconfirmed: the order is read only after it. An
-- order that had ended in VTEX is read again, and a difference may be repaired
-- once more.
UPDATE shipments
SET stuck_reason = NULL, stuck_at = NULL, waiting_reason = NULL, attempts = 0,
    failing_since = NULL, due_at = :now, lane = 0, version = version + 1,
    not_before = CASE WHEN in_doubt_since IS NULL THEN NULL ELSE not_before END,
    order_read_at = CASE WHEN closed_reason IN ('order_cancelled', 'order_replaced')
                    THEN NULL ELSE order_read_at END,
    difference_at = NULL, repaired_at = NULL
WHERE shipment = :shipment
