-- What each document names of an event. Earlier documents are taken to name what the event has.
ALTER TABLE event_documents ADD COLUMN refs TEXT NOT NULL DEFAULT '[]';

UPDATE event_documents
SET refs = (SELECT e.refs FROM events AS e WHERE e.event = event_documents.event)
WHERE event IN (SELECT event FROM events);
