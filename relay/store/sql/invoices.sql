-- name: lock_invoice
SELECT * FROM invoices
WHERE account = :account AND order_id = :order_id
  AND invoice_number = :invoice_number FOR UPDATE

-- name: invoice_by_id
-- `behind`: an earlier invoice of the order that is posted first.
SELECT i.*, (
    SELECT min(o.invoice_number) FROM invoices AS o
    WHERE o.account = i.account AND o.order_id = i.order_id AND o.invoice + 0 < i.invoice
      AND o.due_at IS NOT NULL AND o.posted_at IS NULL) AS behind
FROM invoices AS i
WHERE i.id = :id

-- name: lock_invoice_by_id
SELECT * FROM invoices WHERE id = :id FOR UPDATE

-- name: add_invoice
INSERT INTO invoices
    (id, account, order_id, invoice_number, type, value, body, warnings, registered_at,
     registered_by, due_at)
VALUES (:id, :account, :order_id, :invoice_number, :type, :value, :body, :warnings,
        :now, :by, :now)
ON CONFLICT (account, order_id, invoice_number) DO NOTHING
RETURNING invoice

-- name: replace_invoice!
-- Another content, before anything of it was sent.
UPDATE invoices
SET type = :type, value = :value, body = :body, warnings = :warnings,
    registered_by = :by, due_at = :now, attempts = 0, failing_since = NULL,
    waiting_reason = NULL, stuck_reason = NULL, closed_reason = NULL,
    order_warnings = '[]'
WHERE invoice = :invoice

-- name: retry_invoice!
-- An unconfirmed write is read back only after the wait.
UPDATE invoices
SET due_at = CASE WHEN coalesce(in_doubt_since, 0) + :wait <= CAST(:now AS BIGINT)
                  THEN CAST(:now AS BIGINT) ELSE in_doubt_since + :wait END,
    attempts = 0, failing_since = NULL, waiting_reason = NULL, stuck_reason = NULL
WHERE invoice = :invoice

-- name: cancel_invoice!
UPDATE invoices
SET due_at = NULL, closed_reason = 'cancelled', waiting_reason = NULL,
    stuck_reason = NULL
WHERE invoice = :invoice

-- name: request_delivery_of_return!
UPDATE invoices
SET due_at = :now, delivery_requested_at = :now, delivery_requested_by = :by,
    attempts = 0, failing_since = NULL, waiting_reason = NULL, stuck_reason = NULL
WHERE invoice = :invoice

-- name: accounts_with_due_invoices
SELECT a.* FROM accounts AS a
WHERE EXISTS (
    SELECT 1 FROM invoices AS i
    WHERE i.account = a.account AND i.due_at <= :now AND i.lease IS NULL)
ORDER BY a.account

-- name: next_due_invoice
SELECT due_at FROM invoices
WHERE account = :account AND due_at IS NOT NULL AND lease IS NULL
ORDER BY due_at LIMIT 1

-- name: claim_invoices
-- The longest untried first: one that always fails must not be every probe. An invoice
-- waits for the earlier ones of its order.
WITH ready AS MATERIALIZED (
    SELECT i.invoice FROM invoices AS i
    WHERE i.account = :account AND i.due_at <= :now AND i.lease IS NULL
      AND (i.posted_at IS NOT NULL OR NOT EXISTS (
          SELECT 1 FROM invoices AS o
          WHERE o.account = i.account AND o.order_id = i.order_id
            AND o.invoice + 0 < i.invoice AND coalesce(o.due_at, -1) >= 0
            AND o.posted_at IS NULL))
    ORDER BY coalesce(i.tried_at, 0), i.due_at, i.invoice
    LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE invoices
SET lease = :lease, lease_until = :lease_until, tried_at = :now
WHERE invoice IN (SELECT invoice FROM ready)
RETURNING *

-- name: invoice_lease_held
SELECT invoice FROM invoices
WHERE invoice = :invoice AND lease = :lease FOR UPDATE

-- name: any_expired_invoice
SELECT invoice FROM invoices
WHERE account = :account AND lease IS NOT NULL AND lease_until <= :until LIMIT 1

-- name: expire_invoices
-- Claims that were never settled: a stored write may have reached VTEX.
UPDATE invoices
SET lease = NULL, lease_until = NULL,
    in_doubt_since = CASE WHEN pending IS NULL THEN in_doubt_since
                          ELSE coalesce(in_doubt_since, CAST(:now AS BIGINT)) END,
    due_at = CASE WHEN pending IS NULL THEN CAST(:now AS BIGINT)
                  ELSE CAST(:not_before AS BIGINT) END
WHERE account = :account AND lease IS NOT NULL AND lease_until <= :until
RETURNING invoice

-- name: store_invoice_write!
UPDATE invoices SET pending = :pending, order_warnings = :order_warnings
WHERE invoice = :invoice

-- name: save_invoice!
UPDATE invoices
SET lease = NULL, lease_until = NULL, due_at = :due_at, attempts = :attempts,
    failing_since = :failing_since, pending = :pending, in_doubt_since = :in_doubt_since,
    unseen_since = :unseen_since, posted_at = :posted_at, receipt = :receipt,
    delivered_at = :delivered_at, order_warnings = :order_warnings,
    waiting_reason = :waiting_reason, stuck_reason = :stuck_reason
WHERE invoice = :invoice

-- name: wake_invoiced_shipment!
-- VTEX has the invoice now, so its parcel need not wait for it any longer, nor be stuck
-- because no order check found it.
UPDATE shipments
SET due_at = :now, version = version + 1, failing_since = NULL, waiting_reason = NULL,
    attempts = 0, stuck_reason = NULL, stuck_at = NULL,
    not_before = CASE WHEN in_doubt_since IS NULL THEN NULL ELSE not_before END
WHERE account = :account AND order_id = :order_id
  AND invoice_number = :invoice_number
  AND closed_at IS NULL AND (stuck_reason IS NULL OR order_read_at IS NULL)

-- name: postpone_new_shipment!
-- The parcel of an invoice that is posted first: no order is read in vain.
UPDATE shipments SET due_at = :until
WHERE id = :id AND lease IS NULL AND order_read_at IS NULL AND tried_at IS NULL

-- name: store_invoice_call!
INSERT INTO invoice_calls (call, invoice, kind, stored_at)
VALUES (:call, :invoice, :kind, :now)

-- name: answer_invoice_call!
UPDATE invoice_calls
SET answered_at = :now, status = :status, message = :message, sent = :sent
WHERE call = :call

-- name: calls_of_invoice
SELECT * FROM invoice_calls WHERE invoice = :invoice ORDER BY call DESC LIMIT :limit

-- name: list_invoices
-- `+ 0` makes SQLite look for the order's invoices, not for all older ones of the account.
SELECT i.*, (
    SELECT min(o.invoice_number) FROM invoices AS o
    WHERE o.account = i.account AND o.order_id = i.order_id AND o.invoice + 0 < i.invoice
      AND o.due_at IS NOT NULL AND o.posted_at IS NULL) AS behind
FROM invoices AS i
WHERE i.account = :account AND i.invoice < :before
ORDER BY i.invoice DESC LIMIT :limit

-- name: list_invoices_of_order
SELECT i.*, (
    SELECT min(o.invoice_number) FROM invoices AS o
    WHERE o.account = i.account AND o.order_id = i.order_id AND o.invoice + 0 < i.invoice
      AND o.due_at IS NOT NULL AND o.posted_at IS NULL) AS behind
FROM invoices AS i
WHERE i.invoice < :before AND i.invoice IN (
    SELECT n.invoice FROM invoices AS n
    WHERE n.account = :account AND n.order_id = :order_id)
ORDER BY i.invoice DESC LIMIT :limit

-- name: invoices_of_order
SELECT * FROM invoices
WHERE invoice IN (
    SELECT o.invoice FROM invoices AS o
    WHERE o.account = :account AND o.order_id = :order_id)
ORDER BY invoice FOR UPDATE

-- name: count_stuck_invoices
SELECT n.account, count(*) AS invoices FROM (
    SELECT i.account FROM invoices AS i
    WHERE i.stuck_reason IS NOT NULL LIMIT :most) AS n
GROUP BY n.account

-- name: redact_invoice!
-- An invoice that was not posted is not posted any more.
UPDATE invoices
SET body = '{}', closed_reason = 'erased', due_at = NULL, lease = NULL,
    lease_until = NULL, pending = NULL, in_doubt_since = NULL, waiting_reason = NULL,
    stuck_reason = NULL
WHERE invoice = :invoice

-- name: redact_invoice_calls!
UPDATE invoice_calls SET message = NULL WHERE invoice = :invoice

-- name: invoice_page
SELECT invoice AS key, registered_at AS recorded_at,
       CASE WHEN due_at IS NULL AND lease IS NULL AND registered_at < :shipments
            THEN 1 ELSE 0 END AS outdated
FROM invoices
WHERE invoice > :after
ORDER BY invoice LIMIT :limit

-- name: delete_invoice!
DELETE FROM invoices WHERE invoice = :key

-- name: delete_calls_of_invoice!
DELETE FROM invoice_calls WHERE invoice = :key

-- name: invoice_call_page
SELECT call AS key, stored_at AS recorded_at, 1 AS outdated FROM invoice_calls
WHERE call < :calls ORDER BY call LIMIT :limit

-- name: delete_invoice_call!
DELETE FROM invoice_calls WHERE call = :key
