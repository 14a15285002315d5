-- Lists that people work from.

CREATE INDEX shipments_promised ON shipments (account, promised_on, shipment)
    WHERE promised_on IS NOT NULL AND closed_at IS NULL;
