-- name: correct_parcel!
UPDATE parcels SET contract = :contract, tracking_number = :tracking_number
WHERE shipment = :shipment AND volume = :volume

-- name: correct_contract!
UPDATE shipments SET contract = :contract WHERE shipment = :shipment

-- name: correct_volumes!
UPDATE shipments SET volumes = :volumes WHERE shipment = :shipment

-- name: delete_parcels_above!
DELETE FROM parcels WHERE shipment = :shipment AND volume > :volumes

-- name: delete_polls_above!
DELETE FROM parcel_polls WHERE shipment = :shipment AND volume > :volumes

-- name: volumes_with_events
SELECT DISTINCT volume FROM event_parcels
WHERE shipment = :shipment AND volume > :volumes

-- name: correct_tracking!
UPDATE shipments
SET tracking_number = :tracking_number, tracking_url = :tracking_url,
    courier = :courier, given = :given
WHERE shipment = :shipment

-- name: amend_shipment!
UPDATE shipments
SET invoice_key = :invoice_key, promised_on = :promised_on,
    dispatched_date = :dispatched_date, dispatched_at = :dispatched_at
WHERE shipment = :shipment

-- name: withdraw_unmatched_published!
-- Published events that no longer match the shipment: they were another parcel's.
UPDATE published SET withdrawn_at = :now
WHERE shipment = :shipment AND event IS NOT NULL AND withdrawn_at IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM event_parcels AS p
    WHERE p.shipment = published.shipment AND p.event = published.event)

-- name: shipments_with_published_event
-- Shipments for which VTEX accepted this event.
SELECT DISTINCT s.shipment, s.order_id FROM json_each(:rows) AS j
JOIN published AS t ON t.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN shipments AS s ON s.shipment = t.shipment
WHERE t.event = :event AND t.accepted_at IS NOT NULL AND t.withdrawn_at IS NULL
ORDER BY s.shipment

-- name: shipments_of_event
SELECT DISTINCT s.shipment, s.id, s.account, e.occurred_at, e.received_at
FROM event_parcels AS p JOIN shipments AS s ON s.shipment = p.shipment
JOIN events AS e ON e.event = p.event
WHERE p.event = :event
ORDER BY s.shipment

-- name: resend_tracking!
UPDATE shipments
SET tracking_sent_as = NULL, tracking_number = :tracking_number,
    tracking_url = :tracking_url, courier = :courier
WHERE shipment = :shipment

-- name: resend_events!
-- The relay's own event (event IS NULL) stays: it triggers VTEX's e-mail only once.
UPDATE published SET withdrawn_at = :now
WHERE shipment = :shipment AND event IS NOT NULL AND accepted_at IS NOT NULL
  AND withdrawn_at IS NULL

-- name: resend_shipment!
-- A published delivery that no longer counts is taken back, because an operator forces it.
UPDATE shipments
SET resent_at = :now,
    taking_back = CASE WHEN delivered_published_at IS NULL THEN taking_back
                  ELSE 'requested' END,
    delivered_sent_at = CASE WHEN delivered_published_at IS NULL THEN delivered_sent_at
                        ELSE NULL END,
    delivered_published_at = NULL, contradicted_at = NULL, contradicted_reason = NULL,
    closed_at = NULL, closed_reason = NULL
WHERE shipment = :shipment
