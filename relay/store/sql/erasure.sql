-- name: shipments_of_order
SELECT * FROM shipments
WHERE shipment IN (
    SELECT o.shipment FROM shipments AS o
    WHERE o.account = :account AND o.order_id = :order_id)
ORDER BY shipment FOR UPDATE

-- name: events_of_shipment_alone
-- Events that match no other order.
SELECT p.event FROM event_parcels AS p
WHERE p.shipment = :shipment AND NOT EXISTS (
    SELECT 1 FROM event_parcels AS o
    JOIN shipments AS s ON s.shipment = o.shipment
    WHERE o.event = p.event
      AND (s.account <> :account OR s.order_id <> :order_id)
      AND coalesce(s.closed_reason, '') <> 'erased')
GROUP BY p.event
ORDER BY p.event

-- name: documents_of_events
SELECT DISTINCT l.document FROM json_each(:rows) AS j
JOIN event_documents AS l ON l.event = CAST(j.value ->> 'event' AS BIGINT)
ORDER BY l.document

-- name: redact_document!
UPDATE documents SET body = :empty, headers = '{}' WHERE document = :document

-- name: redact_event!
UPDATE events
SET description = '', city = '', state = '',
    text_key = CASE WHEN text_key = '' THEN '' ELSE 'erased:' || event END
WHERE event = :event

-- name: published_to_redact
SELECT volume, occurred_at, code, object FROM published WHERE shipment = :shipment

-- name: redact_published!
UPDATE published SET object = :object
WHERE shipment = :shipment AND volume = :volume AND occurred_at = :occurred_at
  AND code = :code

-- name: calls_to_redact
SELECT call FROM vtex_calls WHERE shipment = :shipment ORDER BY call

-- name: redact_call!
UPDATE vtex_calls SET body = NULL, message = NULL WHERE call = :call

-- name: redact_shipment!
-- Closed for good: nothing is left that could be published.
UPDATE shipments
SET tracking_url = NULL, tracking_sent_as = :tracking_sent_as, pending = NULL,
    closed_at = coalesce(closed_at, :now),
    closed_reason = 'erased',
    due_at = NULL, events_due_at = NULL, lease = NULL, lease_until = NULL,
    stuck_reason = NULL, stuck_at = NULL, waiting_reason = NULL,
    in_doubt_since = NULL, read_back_at = NULL, difference_at = NULL,
    version = version + 1
WHERE shipment = :shipment

-- name: redact_changes!
-- Reasons are free texts, and details hold numbers of the parcel.
UPDATE audit_entries SET reason = '', details = '{}'
WHERE shipment_id = :shipment_id
