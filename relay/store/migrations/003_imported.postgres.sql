-- Parcels that were on the road already when their label was registered.

ALTER TABLE shipments ADD COLUMN imported BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shipments ADD COLUMN compared_at BIGINT; -- what VTEX showed is told
