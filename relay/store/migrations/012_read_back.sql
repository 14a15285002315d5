-- Reading back: what VTEX shows of a shipment, and what an account does with updates.

ALTER TABLE accounts ADD COLUMN list_mode TEXT;
ALTER TABLE accounts ADD COLUMN list_mode_evidence TEXT;
ALTER TABLE accounts ADD COLUMN list_mode_at INTEGER;
ALTER TABLE accounts ADD COLUMN read_backs_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN read_backs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shipments ADD COLUMN delivered_as TEXT;
ALTER TABLE shipments ADD COLUMN updates INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shipments ADD COLUMN shown_before TEXT;
ALTER TABLE shipments ADD COLUMN read_back_at INTEGER;
ALTER TABLE shipments ADD COLUMN read_backs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shipments ADD COLUMN difference_at INTEGER;
ALTER TABLE shipments ADD COLUMN repaired_at INTEGER;
ALTER TABLE shipments ADD COLUMN verified_at INTEGER;
