-- name: find_references
SELECT r.reference, r.contract, r.kind, r.value
FROM json_each(:rows) AS j
JOIN reference_values AS r
  ON r.contract = (j.value ->> 0)
 AND r.kind = (j.value ->> 1)
 AND r.value = (j.value ->> 2)

-- name: lock_known_references
-- In sorted order, so that two writers never deadlock.
SELECT r.reference, r.contract, r.kind, r.value
FROM json_each(:rows) AS j
JOIN reference_values AS r
  ON r.contract = (j.value ->> 0)
 AND r.kind = (j.value ->> 1)
 AND r.value = (j.value ->> 2)
ORDER BY r.contract, r.kind, r.value FOR UPDATE OF r

-- name: add_references
-- Returns only the new rows. `WHERE true` resolves a parsing ambiguity of SQLite's upsert:
-- https://sqlite.org/lang_upsert.html#parsing_ambiguity
INSERT INTO reference_values (contract, kind, value)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2
FROM json_each(:rows) AS j
WHERE true
ORDER BY 1, 2, 3
ON CONFLICT (contract, kind, value) DO NOTHING
RETURNING reference, contract, kind, value

-- name: registrations_of
-- Registrations of these references, with the state of their shipments.
SELECT p.reference, p.shipment, p.volume, p.registered_at, p.dispatched_at,
       s.closed_at, s.volumes, s.contract, s.account
FROM json_each(:rows) AS j
JOIN parcel_references AS p
  ON p.reference = CAST(CAST(j.value AS TEXT) AS BIGINT)
JOIN shipments AS s ON s.shipment = p.shipment
WHERE p.voided_at IS NULL
ORDER BY p.registered_at, p.shipment, p.volume

-- name: registered_elsewhere
-- The same values registered under other contracts: a hint for unmatched events.
SELECT DISTINCT r.reference, o.contract, s.account
FROM json_each(:rows) AS j
CROSS JOIN reference_values AS r
CROSS JOIN reference_values AS o
CROSS JOIN parcel_references AS p
CROSS JOIN shipments AS s
WHERE r.reference = CAST(j.value ->> 'reference' AS BIGINT)
  AND o.value = r.value AND o.kind = r.kind AND o.contract <> r.contract
  AND p.reference = o.reference AND p.voided_at IS NULL
  AND s.shipment = p.shipment
ORDER BY r.reference, o.contract

-- name: references_of_shipments
SELECT p.shipment, p.volume, p.reference, p.given, p.registered_at,
       p.dispatched_at, p.voided_at, r.contract, r.kind, r.value
FROM json_each(:rows) AS j
JOIN parcel_references AS p
  ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN reference_values AS r ON r.reference = p.reference
ORDER BY p.shipment, p.volume, r.kind, r.value

-- name: values_of_shipments
SELECT p.shipment, r.kind, r.value
FROM json_each(:rows) AS j
JOIN parcel_references AS p
  ON p.shipment = CAST(CAST(j.value AS TEXT) AS BIGINT)
JOIN reference_values AS r ON r.reference = p.reference
WHERE p.voided_at IS NULL

-- name: register_reference!
-- `registered_at` moves only if the reference was voided: its parcel's life began then.
INSERT INTO parcel_references
    (reference, shipment, volume, given, registered_at, dispatched_at, voided_at)
VALUES (:reference, :shipment, :volume, :given, :registered_at, :dispatched_at, NULL)
ON CONFLICT (reference, shipment, volume) DO UPDATE
SET given = excluded.given,
    registered_at = CASE WHEN parcel_references.voided_at IS NULL
                         THEN parcel_references.registered_at
                         ELSE excluded.registered_at END,
    dispatched_at = excluded.dispatched_at,
    voided_at = NULL

-- name: void_reference!
UPDATE parcel_references SET voided_at = :now
WHERE reference = :reference AND shipment = :shipment AND volume = :volume

-- name: void_references_of_shipment!
UPDATE parcel_references SET voided_at = :now
WHERE shipment = :shipment AND voided_at IS NULL

-- name: void_references_of_cancelled!
-- References that a cancelled shipment of the same order has: the order is registered
-- under another invoice, so the parcel is the same, and its history is the new label's.
UPDATE parcel_references SET voided_at = :now
WHERE voided_at IS NULL
  AND reference IN (
    SELECT CAST(CAST(j.value AS TEXT) AS BIGINT) FROM json_each(:rows) AS j)
  AND shipment IN (
    SELECT shipment FROM shipments
    WHERE account = :account AND order_id = :order_id AND shipment <> :shipment
      AND closed_reason = 'cancelled')

-- name: redate_references!
UPDATE parcel_references SET dispatched_at = :dispatched_at
WHERE shipment = :shipment AND voided_at IS NULL
