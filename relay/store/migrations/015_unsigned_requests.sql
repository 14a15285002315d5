-- Rejected requests without any signature; the reason of earlier ones says it.
ALTER TABLE rejected_requests ADD COLUMN unsigned INTEGER NOT NULL DEFAULT 0;

UPDATE rejected_requests SET unsigned = 1 WHERE reason LIKE 'no signature header %';

-- How many were rejected, without those that were accepted later.
UPDATE rejected_counts SET rejected = rejected - (
    SELECT count(*) FROM rejected_requests AS r
    WHERE r.contract = rejected_counts.contract AND r.accepted_at IS NOT NULL);
