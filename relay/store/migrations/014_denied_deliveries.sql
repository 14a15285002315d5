-- Which documents deny the delivery that they report.
ALTER TABLE event_documents ADD COLUMN denied INTEGER NOT NULL DEFAULT 0;

UPDATE event_documents SET denied = 1
WHERE event IN (SELECT event FROM events WHERE effect = 'contradictory');
