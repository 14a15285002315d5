-- name: known_events
-- Stored events with the identities of the events just parsed.
SELECT e.*
FROM json_each(:rows) AS j
JOIN events AS e
  ON e.reference = CAST(j.value ->> 'reference' AS BIGINT)
 AND e.second = CAST(j.value ->> 'second' AS BIGINT)
 AND e.code = (j.value ->> 'code')
 AND e.text_key = (j.value ->> 'text_key')

-- name: references_of_imprecise_events
SELECT DISTINCT e.reference
FROM json_each(:rows) AS j
JOIN events AS e ON e.reference = CAST(CAST(j.value AS TEXT) AS BIGINT)
WHERE e.precision > 1 AND e.midnight = 0

-- name: known_by_precision
-- The stored record of the same scan, known to another precision: one within the unit
-- that was just parsed, else one whose unit includes it. No unit is longer than 25 hours.
-- `|| ''` makes SQLite use the index of imprecise events, which are few: thousands of
-- others may be in those hours.
SELECT e.*, CAST(j.value ->> 'second' AS BIGINT) AS given_second
FROM json_each(:rows) AS j
JOIN events AS e ON e.event = coalesce(
    (SELECT f.event FROM events AS f
     WHERE f.reference = CAST(j.value ->> 'reference' AS BIGINT)
       AND f.code = (j.value ->> 'code') AND f.text_key = (j.value ->> 'text_key')
       AND f.second > CAST(j.value ->> 'second' AS BIGINT)
       AND f.second < CAST(j.value ->> 'second' AS BIGINT)
                      + CAST(j.value ->> 'unit' AS BIGINT)
     ORDER BY f.second LIMIT 1),
    (SELECT c.event FROM events AS c
     WHERE c.precision > 1 AND c.midnight = 0
       AND c.reference = CAST(j.value ->> 'reference' AS BIGINT)
       AND c.code = (j.value ->> 'code')
       AND c.text_key || '' = (j.value ->> 'text_key')
       AND c.second < CAST(j.value ->> 'second' AS BIGINT)
       AND c.second > CAST(j.value ->> 'second' AS BIGINT) - 90000
       AND c.second + c.precision > CAST(j.value ->> 'second' AS BIGINT)
       AND c.precision > CAST(j.value ->> 'unit' AS BIGINT)
     ORDER BY c.second DESC LIMIT 1))

-- name: add_event!
INSERT INTO events
    (event, reference, second, code, text_key, refs, occurred_at, precision, midnight,
     position, milestone, reason, effect, final, undoes, description, city, state,
     country, unmapped, received_at, document_received_at, via)
VALUES (:event, :reference, :second, :code, :text_key, :refs, :occurred_at, :precision,
        :midnight, :position, :milestone, :reason, :effect, :final, :undoes,
        :description, :city, :state, :country, :unmapped, :received_at, :received_at,
        :via)

-- name: rewrite_event!
UPDATE events
SET refs = :refs, second = :second, occurred_at = :occurred_at,
    precision = :precision, midnight = :midnight, position = :position,
    milestone = :milestone, reason = :reason, effect = :effect, final = :final,
    undoes = :undoes, description = :description, city = :city, state = :state,
    country = :country, unmapped = :unmapped,
    document_received_at = :document_received_at, withdrawn_at = NULL
WHERE event = :event

-- name: link_event_to_reference!
INSERT INTO event_references (reference, event) VALUES (:reference, :event)
ON CONFLICT (reference, event) DO NOTHING

-- name: link_event_to_document!
INSERT INTO event_documents (document, event, position, refs, denied)
VALUES (:document, :event, :position, :refs, :denied)
ON CONFLICT (document, event) DO UPDATE
SET refs = excluded.refs, denied = excluded.denied

-- name: denied_events
-- Those of the events that one of their documents denies.
SELECT DISTINCT d.event
FROM json_each(:rows) AS j
JOIN event_documents AS d ON d.event = CAST(j.value ->> 'event' AS BIGINT)
WHERE d.denied = 1

-- name: unlink_event_from_document!
DELETE FROM event_documents WHERE document = :document AND event = :event

-- name: events_of_documents
-- Events that these documents contained before; `documents` counts all their documents.
SELECT d.document, d.event, d.position, e.reference, e.via,
       (SELECT count(*) FROM event_documents AS o
        JOIN documents AS p ON p.document = o.document
        WHERE o.event = d.event) AS documents
FROM json_each(:rows) AS j
JOIN event_documents AS d
  ON d.document = CAST(j.value ->> 'document' AS BIGINT)
JOIN events AS e ON e.event = d.event

-- name: withdraw_event!
UPDATE events SET withdrawn_at = :now WHERE event = :event

-- name: events_by_references
SELECT DISTINCT e.event, e.refs, e.occurred_at, e.precision, e.via
FROM json_each(:rows) AS j
JOIN event_references AS r
  ON r.reference = CAST(j.value ->> 'reference' AS BIGINT)
JOIN events AS e ON e.event = r.event
WHERE e.withdrawn_at IS NULL

-- name: events_to_match
SELECT e.event, e.refs, e.occurred_at, e.precision, r.contract
FROM json_each(:rows) AS j
JOIN events AS e ON e.event = CAST(j.value ->> 'event' AS BIGINT)
JOIN reference_values AS r ON r.reference = e.reference
WHERE e.withdrawn_at IS NULL

-- name: named_in_documents
-- The references of events in each of their documents, without repeats.
SELECT DISTINCT d.event, d.refs
FROM json_each(:rows) AS j
JOIN event_documents AS d ON d.event = CAST(CAST(j.value AS TEXT) AS BIGINT)

-- name: event_exists
SELECT event FROM events WHERE event = :event

-- name: naming_documents
-- The latest document of each list of references that an event was given, and of those
-- that deny the delivery.
SELECT d.event, d.refs, d.denied, max(d.document) AS document
FROM json_each(:rows) AS j
JOIN event_documents AS d ON d.event = CAST(CAST(j.value AS TEXT) AS BIGINT)
GROUP BY d.event, d.refs, d.denied
ORDER BY d.event, max(d.document)

-- name: kinds_of_references
SELECT r.reference, r.kind, r.value
FROM json_each(:rows) AS j
JOIN reference_values AS r
  ON r.reference = CAST(j.value ->> 'reference' AS BIGINT)

-- name: matches_of_events
SELECT p.event, p.shipment, p.volume, p.ambiguous, p.decision
FROM json_each(:rows) AS j
JOIN event_parcels AS p ON p.event = CAST(j.value ->> 'event' AS BIGINT)

-- name: crowded_shipments
-- Those that have more than :events events.
SELECT s.shipment
FROM json_each(:rows) AS j
JOIN shipments AS s ON s.shipment = CAST(CAST(j.value AS TEXT) AS BIGINT)
WHERE EXISTS (
    SELECT 1 FROM event_parcels AS p WHERE p.shipment = s.shipment
    LIMIT 1 OFFSET :events)

-- name: count_events_of_parcels
-- One row per parcel with events, at least one per shipment.
SELECT s.shipment, s.volumes, coalesce(p.volume, 0) AS volume, count(p.event) AS events
FROM json_each(:rows) AS j
JOIN shipments AS s ON s.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
LEFT JOIN event_parcels AS p ON p.shipment = s.shipment
GROUP BY s.shipment, s.volumes, coalesce(p.volume, 0)

-- name: match_event!
INSERT INTO event_parcels (shipment, event, volume, ambiguous, decision)
VALUES (:shipment, :event, :volume, :ambiguous, :decision)
ON CONFLICT (shipment, event, volume) DO UPDATE SET ambiguous = excluded.ambiguous

-- name: unmatch_event!
DELETE FROM event_parcels
WHERE shipment = :shipment AND event = :event AND volume = :volume

-- name: store_match_reference!
UPDATE events SET via = :via WHERE event = :event

-- name: lock_shipments
SELECT s.shipment FROM json_each(:rows) AS j
JOIN shipments AS s ON s.shipment = CAST(CAST(j.value AS TEXT) AS BIGINT)
ORDER BY s.shipment FOR UPDATE OF s

-- name: mark_events_due!
-- Due after the quiet time, at most :longest after the first unpublished event. `due_at`
-- is separate: new events must not postpone what is due for another reason.
UPDATE shipments
SET version = version + 1,
    last_event_at = CASE WHEN :from_carrier = 1 THEN :now ELSE last_event_at END,
    lane = CASE WHEN imported = 1 AND compared_at IS NULL THEN 1 ELSE 0 END,
    events_waiting_since = coalesce(events_waiting_since, :now),
    events_due_at = CASE
        WHEN coalesce(events_waiting_since, :now) + :longest < :now + :quiet
        THEN coalesce(events_waiting_since, :now) + :longest
        ELSE :now + :quiet END
WHERE shipment IN (
    SELECT CAST(CAST(j.value AS TEXT) AS BIGINT) FROM json_each(:rows) AS j)

-- name: refresh_last_event!
-- Set `last_event_at` to the receipt of the latest matched event.
UPDATE shipments
SET last_event_at = (
    SELECT max(e.received_at) FROM event_parcels AS p
    JOIN events AS e ON e.event = p.event
    WHERE p.shipment = shipments.shipment AND e.withdrawn_at IS NULL)
WHERE shipment IN (
    SELECT CAST(j.value ->> 'shipment' AS BIGINT) FROM json_each(:rows) AS j)

-- name: events_of_shipments
SELECT p.shipment, p.volume, p.ambiguous, p.decision, p.quarantine_reason,
       e.event, e.occurred_at, e.precision, e.midnight, e.position, e.milestone,
       CASE WHEN e.milestone = 'delivered' AND e.effect IN ('normal', 'provisional', 'text_only')
             AND EXISTS (SELECT 1 FROM event_documents AS d
                         WHERE d.event = e.event AND d.denied = 1)
            THEN 'contradictory' ELSE e.effect END AS effect,
       e.final, e.undoes,
       e.description, e.city, e.state, e.country, e.code, e.reason, e.received_at,
       e.refs, e.reference
FROM json_each(:rows) AS j
JOIN event_parcels AS p ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN events AS e ON e.event = p.event
WHERE e.withdrawn_at IS NULL
ORDER BY p.shipment, e.occurred_at, e.position, e.event

-- name: known_events_of_shipments
-- The columns are unpacked by position: see known_event in snapshots.py.
-- What any document denies of a delivery counts, also if the latest one does not.
SELECT p.shipment, e.event, p.volume, e.milestone,
       CASE WHEN e.milestone = 'delivered' AND e.effect IN ('normal', 'provisional', 'text_only')
             AND EXISTS (SELECT 1 FROM event_documents AS d
                         WHERE d.event = e.event AND d.denied = 1)
            THEN 'contradictory' ELSE e.effect END AS effect,
       e.occurred_at, e.received_at, e.position, e.code, e.description, e.city, e.state, e.final,
       e.undoes, p.ambiguous, p.decision, p.quarantine_reason, e.precision, e.midnight
FROM json_each(:rows) AS j
JOIN event_parcels AS p ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
JOIN events AS e ON e.event = p.event
WHERE e.withdrawn_at IS NULL
ORDER BY p.shipment, e.occurred_at, e.position, e.event

-- name: parcels_of_shipments
SELECT p.* FROM json_each(:rows) AS j
JOIN parcels AS p ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
ORDER BY p.shipment, p.volume

-- name: numbers_of_shipments
SELECT p.shipment, p.volume, p.tracking_number FROM json_each(:rows) AS j
JOIN parcels AS p ON p.shipment = CAST(j.value ->> 'shipment' AS BIGINT)
ORDER BY p.shipment, p.volume

-- name: decide_event!
UPDATE event_parcels SET decision = :decision
WHERE event = :event

-- name: move_published_to_event!
-- What was published for a withdrawn event counts for the event that replaces it.
UPDATE published SET event = :replacement
WHERE event = :event AND shipment IN (
    SELECT p.shipment FROM event_parcels AS p WHERE p.event = :event)
