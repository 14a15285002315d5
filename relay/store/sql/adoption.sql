-- name: shipments_without_number
-- Open shipments without a tracking number that events of these documents match.
SELECT DISTINCT s.shipment
FROM json_each(:rows) AS j
JOIN event_documents AS d ON d.document = CAST(j.value ->> 'document' AS BIGINT)
JOIN event_parcels AS p ON p.event = d.event AND p.ambiguous = 0
JOIN shipments AS s ON s.shipment = p.shipment
WHERE s.closed_at IS NULL AND (s.tracking_number IS NULL OR EXISTS (
    SELECT 1 FROM parcels AS q
    WHERE q.shipment = s.shipment AND q.volume = p.volume
      AND q.tracking_number IS NULL))
ORDER BY s.shipment

-- name: numbers_to_adopt
-- Tracking numbers carried by the events of shipments, earliest event first. CROSS JOIN
-- stops SQLite from reordering the joins: https://sqlite.org/optoverview.html#crossjoin
SELECT s.shipment, s.contract, s.volumes, s.registered_at, s.dispatched_at,
       s.invoice_key, s.tracking_number, p.volume, v.reference, v.value
FROM json_each(:rows) AS j
JOIN shipments AS s ON s.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN event_parcels AS p ON p.shipment = s.shipment AND p.ambiguous = 0
JOIN events AS e ON e.event = p.event AND e.withdrawn_at IS NULL
CROSS JOIN json_each(e.refs) AS k
CROSS JOIN reference_values AS v
WHERE v.reference = CAST(CAST(k.value AS TEXT) AS BIGINT)
  AND v.kind = 'tracking_number' AND v.contract = s.contract
  AND coalesce(p.decision, '') <> 'dropped'
ORDER BY s.shipment, p.volume, e.occurred_at, e.event

-- name: adopt_for_parcel!
UPDATE parcels SET tracking_number = :tracking_number
WHERE shipment = :shipment AND volume = :volume AND tracking_number IS NULL

-- name: adopt_for_poll!
UPDATE parcel_polls SET tracking_number = :tracking_number
WHERE shipment = :shipment AND contract = :contract AND volume = :volume
  AND tracking_number IS NULL

-- name: adopt_for_shipment!
UPDATE shipments
SET tracking_number = :tracking_number, courier = coalesce(courier, :courier),
    tracking_url = coalesce(tracking_url, :tracking_url)
WHERE shipment = :shipment AND tracking_number IS NULL
