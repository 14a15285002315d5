-- Parcels that were on the road already when their label was registered.

ALTER TABLE shipments ADD COLUMN imported BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shipments ADD COLUMN compared_at BIGINT; -- what VTEX showed is told
ALTER TABLE shipments ADD COLUMN retold_at BIGINT; -- a person had it told again
ALTER TABLE shipments ADD COLUMN given TEXT NOT NULL DEFAULT '[]'; -- not from settings
