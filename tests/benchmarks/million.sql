-- Fills an empty database with invented shipments; `n` holds their numbers, 1 to :shipments.
-- Each has three events. Most are delivered; some of every other state are there as well.

INSERT INTO shipments
    (shipment, id, account, order_id, invoice_number, contract, volumes, registered_at,
     dispatched_at, promised_on, tracking_number, tracking_url, courier, tracking_sent_as,
     order_read_at, version, updates, last_event_at, delivered_sent_at,
     delivered_published_at, closed_at, closed_reason, stuck_at, stuck_reason,
     contradicted_at, contradicted_reason, waiting_reason, due_at, not_before,
     change_number, updated_at)
SELECT i, printf('%08x-%04x-7000-8000-%012x', r / 65536000, (r / 1000) % 65536, i),
       'a' || (i % 2), 'v' || i || 'store-01', '' || i, 'c' || (i % 5), 1, r,
       r - 86400000000 * (1 + i % 6), date((r / 1000000) + 86400 * (i % 9 - 1), 'unixepoch'),
       CASE WHEN i % 300 = 7 THEN NULL ELSE 'TN' || i END, 'https://carrier.example/' || i,
       'A Carrier', '{"tracking_number": "TN' || i || '"}', r, 3, 2, r + 2400000000,
       CASE WHEN i % 100 < 88 THEN r + 2500000000 END,
       CASE WHEN i % 100 < 88 THEN r + 2500000000 END,
       CASE WHEN i % 100 < 90 THEN r + 2500000000 END,
       CASE WHEN i % 100 < 88 THEN 'delivered' WHEN i % 100 < 90 THEN 'expired' END,
       CASE WHEN i % 100 = 95 THEN r END,
       CASE WHEN i % 100 = 95 THEN 'the invoice is missing' END,
       CASE WHEN i % 1000 = 3 THEN r END,
       CASE WHEN i % 1000 = 3 THEN 'in_transit after the delivery' END,
       CASE WHEN i % 100 = 96 THEN 'VTEX: Not Found' END,
       CASE WHEN i % 100 = 96 THEN :now + 3600000000 WHEN i % 1000 = 497 THEN :now END,
       CASE WHEN i % 100 = 96 THEN :now + 3600000000 END,
       i, r + 2500000000
FROM n;

INSERT INTO parcels (shipment, volume, contract, tracking_number, registered_at)
SELECT i, 1, 'c' || (i % 5), 'TN' || i, r FROM n;

INSERT INTO reference_values (reference, contract, kind, value)
SELECT i, 'c' || (i % 5), 'tracking_number', 'TN' || i FROM n;

INSERT INTO parcel_references (reference, shipment, volume, given, registered_at)
SELECT i, i, 1, 'TN' || i, r FROM n;

INSERT INTO documents
    (document, contract, source, headers, body, received_at, read_at, new_events,
     unreadable_reason)
SELECT 3 * i + k - 3, 'c' || (i % 5), 'webhook', '{"content-type": "application/json"}',
       CAST('{"number": "TN' || i || '", "code": "C' || k || '", "city": "Campinas", '
            || '"text": "objeto em trânsito para a unidade de tratamento"}' AS BLOB),
       r + k * 600000000, r + k * 600000000, 1,
       CASE WHEN i % 600 = 11 AND k = 3 THEN 'not valid JSON' END
FROM n, (SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 3);

-- One in a hundred has a code without a meaning, one in 150 no shipment.
INSERT INTO events
    (event, reference, second, code, text_key, refs, occurred_at, precision, midnight,
     position, milestone, effect, final, undoes, description, city, state, country,
     received_at, document_received_at, via, unmapped)
SELECT 3 * i + k - 3, i, (r + k * 600000000) / 1000000 - 300,
       CASE WHEN (3 * i + k) % 100 = 50 THEN 'X' || (i % 40) ELSE 'C' || k END, '',
       '[' || i || ']', r + k * 600000000 - 300000000, 1, 0, k,
       CASE WHEN (3 * i + k) % 100 = 50 THEN 'unknown' WHEN k = 1 THEN 'picked_up'
            WHEN k = 2 THEN 'in_transit'
            WHEN i % 100 < 88 THEN 'delivered' ELSE 'out_for_delivery' END,
       'normal', 0, '[]', 'objeto em trânsito para a unidade de tratamento', 'Campinas',
       substr('SPRJMGRSPRSCBAPECEAM', 1 + 2 * (i % 10), 2), 'BR',
       r + k * 600000000, r + k * 600000000,
       CASE WHEN (3 * i + k) % 150 = 70 THEN NULL ELSE i END,
       CASE WHEN (3 * i + k) % 100 = 50 THEN 1 ELSE 0 END
FROM n, (SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 3);

INSERT INTO event_references (reference, event) SELECT e.reference, e.event FROM events AS e;

INSERT INTO event_documents (document, event, position, refs)
SELECT e.event, e.event, 0, e.refs FROM events AS e;

INSERT INTO event_parcels (shipment, event, volume, quarantine_reason)
SELECT e.reference, e.event, 1,
       CASE WHEN e.event % 1500 = 9 THEN 'delivered 4 minutes after its label' END
FROM events AS e WHERE e.via IS NOT NULL;

INSERT INTO published
    (shipment, volume, occurred_at, code, position, object, event, stored_at, accepted_at)
SELECT e.reference, 1, e.occurred_at, e.code, e.position,
       '{"city": "Campinas", "state": "SP", "description": "' || e.description
       || '", "date": "2026-11-27T10:00:00-03:00"}', e.event, e.received_at, e.received_at
FROM events AS e WHERE e.via IS NOT NULL AND e.unmapped = 0;

INSERT INTO vtex_calls (call, shipment, account, kind, body, stored_at, answered_at, status)
SELECT printf('%08x-%04x-7%03x-8000-%012x', (r / 1000 + k) / 65536, (r / 1000 + k) % 65536,
              k, i), i, 'a' || (i % 2),
       CASE k WHEN 1 THEN 'send_tracking_number' ELSE 'send_events' END,
       '{"isDelivered": false, "events": []}', r, r + 200000, 200
FROM n, (SELECT 1 AS k UNION ALL SELECT 2);

INSERT INTO notes (shipment, noted_at, text)
SELECT i, r, 'label registered' FROM n WHERE i % 3 = 0;

INSERT INTO invoices
    (invoice, id, account, order_id, invoice_number, type, value, body, warnings,
     registered_at, registered_by, posted_at, stuck_reason)
SELECT i, printf('00000000-0000-7000-8000-%012x', i), 'a' || (i % 2), 'v' || i || 'store-01',
       '' || i, 'Output', '1000', '{}', '[]', r, 'erp', r,
       CASE WHEN i % 500 = 0 THEN 'the total is too high' END
FROM n WHERE i % 20 = 0;

INSERT INTO audit_entries (done_at, by_whom, through, did, account, reason, details)
SELECT r, 'ana', 'console', 'retry requested', 'a' || (i % 2), 'a test', '{}'
FROM n WHERE i % 100 = 0;

INSERT INTO parcel_polls (shipment, contract, volume, tracking_number, registered_at, poll_at)
SELECT i, 'c' || (i % 5), 1, 'TN' || i, r, CASE WHEN i % 100 > 89 THEN :now + i END FROM n;

INSERT INTO accounts (account) VALUES ('a0'), ('a1');

INSERT INTO change_counter (id, latest) SELECT 1, max(i) FROM n;
