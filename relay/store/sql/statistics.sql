-- Statistics of carriers, counted by keys: each event, shipment and delivery once.

-- name: statistics_progress
SELECT g.* FROM statistics_progress AS g WHERE g.id = 1 FOR UPDATE

-- name: begin_statistics
INSERT INTO statistics_progress (id, event, shipment, delivered_at, delivered_shipment)
VALUES (1, 0, 0, 0, 0)
ON CONFLICT (id) DO UPDATE SET id = excluded.id
RETURNING *

-- name: statistics_state
SELECT g.* FROM statistics_progress AS g WHERE g.id = 1

-- name: save_statistics_progress!
UPDATE statistics_progress
SET event = :event, shipment = :shipment, delivered_at = :delivered_at,
    delivered_shipment = :delivered_shipment, counted_at = :counted_at
WHERE id = 1

-- name: last_event_until
-- The last of the next :most events that were received until then.
SELECT n.event FROM (
    SELECT e.event, e.received_at FROM events AS e
    WHERE e.event > :after ORDER BY e.event LIMIT :most) AS n
WHERE n.received_at <= :until ORDER BY n.event DESC LIMIT 1

-- name: last_shipment_until
SELECT n.shipment FROM (
    SELECT s.shipment, s.registered_at FROM shipments AS s
    WHERE s.shipment > :after ORDER BY s.shipment LIMIT :most) AS n
WHERE n.registered_at <= :until ORDER BY n.shipment DESC LIMIT 1

-- name: add_event_days!
-- Events whose time is a day, or may lack its time of day, have no delay. Neither have
-- those from more than 30 days before: they are histories, not news.
INSERT INTO carrier_days
    (contract, day, events, within_15m, within_1h, within_6h, within_24h, later)
SELECT w.contract, w.day, count(*),
       sum(CASE WHEN w.delay <= 900 THEN 1 ELSE 0 END),
       sum(CASE WHEN w.delay > 900 AND w.delay <= 3600 THEN 1 ELSE 0 END),
       sum(CASE WHEN w.delay > 3600 AND w.delay <= 21600 THEN 1 ELSE 0 END),
       sum(CASE WHEN w.delay > 21600 AND w.delay <= 86400 THEN 1 ELSE 0 END),
       sum(CASE WHEN w.delay > 86400 AND w.delay <= 2592000 THEN 1 ELSE 0 END)
FROM (
    SELECT r.contract,
           (e.received_at + coalesce((
               SELECT CAST(z.value ->> 'offset' AS BIGINT)
               FROM json_each(:zones) AS z
               WHERE z.value ->> 'contract' = r.contract), 0)) / 86400000000 AS day,
           CASE WHEN e.precision <= 60 AND e.midnight = 0
                THEN (e.received_at - e.occurred_at) / 1000000 END AS delay
    FROM events AS e
    JOIN reference_values AS r ON r.reference = e.reference
    WHERE e.event > :after AND e.event <= :upto AND r.contract <> 'relay') AS w
WHERE w.day >= 0
GROUP BY w.contract, w.day
ON CONFLICT (contract, day) DO UPDATE
SET events = carrier_days.events + excluded.events,
    within_15m = carrier_days.within_15m + excluded.within_15m,
    within_1h = carrier_days.within_1h + excluded.within_1h,
    within_6h = carrier_days.within_6h + excluded.within_6h,
    within_24h = carrier_days.within_24h + excluded.within_24h,
    later = carrier_days.later + excluded.later

-- name: add_registered_days!
INSERT INTO carrier_days (contract, day, registered)
SELECT w.contract, w.day, count(*)
FROM (
    SELECT s.contract,
           (s.registered_at + coalesce((
               SELECT CAST(z.value ->> 'offset' AS BIGINT)
               FROM json_each(:zones) AS z
               WHERE z.value ->> 'contract' = s.contract), 0)) / 86400000000 AS day
    FROM shipments AS s
    WHERE s.shipment > :after AND s.shipment <= :upto) AS w
WHERE w.day >= 0
GROUP BY w.contract, w.day
ON CONFLICT (contract, day) DO UPDATE
SET registered = carrier_days.registered + excluded.registered

-- name: deliveries_after
-- The next published deliveries, each with the scan that ended it.
SELECT s.shipment, s.contract, s.delivered_published_at, s.dispatched_at, s.promised_on,
       d.occurred_at, d.state
FROM shipments AS s
LEFT JOIN events AS d ON d.event = (
    SELECT e.event FROM event_parcels AS p
    JOIN events AS e ON e.event = p.event
    WHERE p.shipment = s.shipment AND e.milestone = 'delivered'
      AND e.withdrawn_at IS NULL
    ORDER BY e.occurred_at DESC, e.event DESC LIMIT 1)
WHERE s.delivered_published_at IS NOT NULL AND s.delivered_published_at >= :at
  AND s.delivered_published_at <= :until
  AND (s.delivered_published_at > :at OR s.shipment > :shipment)
ORDER BY s.delivered_published_at, s.shipment LIMIT :limit

-- name: add_deliveries!
INSERT INTO carrier_deliveries
    (contract, day, state, delivered, travelled, travel_seconds, promised, late)
VALUES (:contract, :day, :state, :delivered, :travelled, :travel_seconds, :promised,
        :late)
ON CONFLICT (contract, day, state) DO UPDATE
SET delivered = carrier_deliveries.delivered + excluded.delivered,
    travelled = carrier_deliveries.travelled + excluded.travelled,
    travel_seconds = carrier_deliveries.travel_seconds + excluded.travel_seconds,
    promised = carrier_deliveries.promised + excluded.promised,
    late = carrier_deliveries.late + excluded.late

-- name: carrier_days_of
SELECT c.* FROM carrier_days AS c
WHERE c.contract = :contract AND c.day >= :since AND c.day <= :until ORDER BY c.day

-- name: carrier_deliveries_of
SELECT c.* FROM carrier_deliveries AS c
WHERE c.contract = :contract AND c.day >= :since AND c.day <= :until
ORDER BY c.day, c.state
