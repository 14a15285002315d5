-- Alerts: what they are judged by, their course, and their messages.

-- name: open_shipments_by_contract
-- Open shipments of each contract, and those without an event since a time.
SELECT contract, count(*) AS shipments,
       count(CASE WHEN coalesce(last_event_at, registered_at) <= :since THEN 1 END)
           AS stopped
FROM shipments WHERE closed_at IS NULL GROUP BY contract

-- name: newly_stuck
-- Stuck shipments of each account, and those since a time.
SELECT account, count(*) AS stuck,
       count(CASE WHEN stuck_at >= :since THEN 1 END) AS new
FROM shipments WHERE stuck_reason IS NOT NULL GROUP BY account

-- name: newly_stuck_invoices
SELECT account, count(*) AS stuck,
       count(CASE WHEN tried_at >= :since THEN 1 END) AS new
FROM invoices WHERE stuck_reason IS NOT NULL GROUP BY account

-- name: repaired_since
-- Shipments of which VTEX twice showed something else than was sent.
SELECT account, count(*) AS shipments FROM shipments
WHERE repaired_at IS NOT NULL AND repaired_at >= :since GROUP BY account

-- name: list_rhythms
SELECT contract, first_hour, hours FROM contract_rhythms

-- name: save_rhythm!
INSERT INTO contract_rhythms (contract, first_hour, hours)
VALUES (:contract, :first_hour, :hours)
ON CONFLICT (contract) DO UPDATE SET hours = excluded.hours

-- name: report_process!
INSERT INTO process_reports (process, reported_at, reasons)
VALUES (:process, :now, :reasons)
ON CONFLICT (process) DO UPDATE
SET reported_at = excluded.reported_at, reasons = excluded.reasons

-- name: process_reports_since
SELECT process, reasons FROM process_reports WHERE reported_at > :since ORDER BY process

-- name: delete_process_reports!
DELETE FROM process_reports WHERE reported_at < :before

-- name: add_alert_round!
INSERT INTO alert_rounds (id, next_at, watched_since) VALUES (1, 0, 0) ON CONFLICT (id) DO NOTHING

-- name: alert_round
SELECT next_at, watched_since FROM alert_rounds WHERE id = 1

-- name: lock_alert_round
-- The replica that has the row does the round; others find it done.
SELECT next_at, watched_since FROM alert_rounds WHERE id = 1 FOR UPDATE

-- name: move_alert_round!
UPDATE alert_rounds SET next_at = :next_at, watched_since = :watched_since WHERE id = 1

-- name: open_alerts
SELECT * FROM alerts WHERE resolved_at IS NULL ORDER BY kind, subject

-- name: resolved_alerts
-- The latest ones that are over.
SELECT * FROM alerts WHERE resolved_at IS NOT NULL
ORDER BY resolved_at DESC LIMIT :limit

-- name: alerts_resolved_since
SELECT kind, subject, resolved_at, returns FROM alerts
WHERE resolved_at IS NOT NULL AND resolved_at > :since ORDER BY resolved_at

-- name: add_alert!
INSERT INTO alerts (
    kind, subject, account, contract, party, text, hint, command, page, since, opened_at,
    seen_at, raised_at, notified_at, resolved_at, returns
) VALUES (
    :kind, :subject, :account, :contract, :party, :text, :hint, :command, :page, :since,
    :opened_at, :seen_at, :raised_at, :notified_at, :resolved_at, :returns
)

-- name: save_alert!
UPDATE alerts
SET account = :account, contract = :contract, party = :party, text = :text, hint = :hint,
    command = :command, page = :page, since = :since, seen_at = :seen_at,
    raised_at = :raised_at, notified_at = :notified_at, resolved_at = :resolved_at
WHERE alert = :alert

-- name: delete_alert!
DELETE FROM alerts WHERE alert = :alert

-- name: delete_resolved_alerts!
DELETE FROM alerts WHERE resolved_at IS NOT NULL AND resolved_at < :before

-- name: add_alert_message!
INSERT INTO alert_messages (channel, subject, text, made_at, try_at)
VALUES (:channel, :subject, :text, :now, :now)

-- name: next_alert_message
SELECT message FROM alert_messages WHERE try_at <= :now LIMIT 1

-- name: alert_messages_due
-- Skips those that another replica is taking.
SELECT message, channel, subject, text, made_at, attempts FROM alert_messages
WHERE try_at <= :now ORDER BY message LIMIT :limit FOR UPDATE SKIP LOCKED

-- name: take_alert_message!
UPDATE alert_messages SET attempts = attempts + 1, try_at = :until
WHERE message = :message

-- name: delete_alert_message!
DELETE FROM alert_messages WHERE message = :message

-- name: postpone_alert_message!
UPDATE alert_messages SET try_at = :try_at WHERE message = :message

-- name: list_alert_channels
SELECT channel, sent_at, failed_at, problem, failures FROM alert_channels
ORDER BY channel

-- name: alert_channel_worked!
INSERT INTO alert_channels (channel, sent_at, failures) VALUES (:channel, :now, 0)
ON CONFLICT (channel) DO UPDATE
SET sent_at = excluded.sent_at, problem = NULL, failures = 0

-- name: alert_channel_failed!
INSERT INTO alert_channels (channel, failed_at, problem, failures)
VALUES (:channel, :now, :problem, 1)
ON CONFLICT (channel) DO UPDATE
SET failed_at = excluded.failed_at, problem = excluded.problem,
    failures = alert_channels.failures + 1
