-- The trace of the request that brought a document: only written if requests are traced.
ALTER TABLE documents ADD COLUMN trace TEXT;
