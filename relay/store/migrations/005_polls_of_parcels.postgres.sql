-- Each carrier that has a parcel is asked for it: the first, and those it was handed to.

CREATE TABLE parcel_polls (
    shipment BIGINT NOT NULL,
    contract TEXT NOT NULL,
    volume BIGINT NOT NULL,
    tracking_number TEXT,                  -- under this contract
    registered_at BIGINT NOT NULL,
    polled_at BIGINT,
    poll_at BIGINT,
    poll_lane BIGINT NOT NULL DEFAULT 2,    -- 0 a person asks, 1 urgent, 3 quiet
    poll_failures BIGINT NOT NULL DEFAULT 0, -- claims without an answer
    subscribe_at BIGINT,
    subscribed_until BIGINT,
    PRIMARY KEY (shipment, contract, volume)
);

INSERT INTO parcel_polls
    (shipment, contract, volume, tracking_number, registered_at, polled_at, poll_at,
     poll_lane, poll_failures, subscribe_at, subscribed_until)
SELECT shipment, contract, volume, tracking_number, registered_at, polled_at, poll_at,
       poll_lane, poll_failures, subscribe_at, subscribed_until
FROM parcels;

CREATE INDEX parcel_polls_due ON parcel_polls (contract, poll_lane, poll_at)
    WHERE poll_at IS NOT NULL;
CREATE INDEX parcel_polls_to_subscribe ON parcel_polls (contract, subscribe_at)
    WHERE subscribe_at IS NOT NULL;

CREATE OR REPLACE FUNCTION shipment_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE parcel_polls SET poll_at = NULL, subscribe_at = NULL
    WHERE shipment = NEW.shipment;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION shipment_reopened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE parcel_polls
    SET poll_at = coalesce(NEW.tried_at, NEW.last_event_at, NEW.registered_at),
        subscribe_at = coalesce(NEW.tried_at, NEW.last_event_at, NEW.registered_at),
        poll_failures = 0
    WHERE shipment = NEW.shipment;
    RETURN NULL;
END $$;

DROP INDEX parcels_to_poll;
DROP INDEX parcels_to_subscribe;

ALTER TABLE parcels DROP COLUMN polled_at;
ALTER TABLE parcels DROP COLUMN poll_at;
ALTER TABLE parcels DROP COLUMN poll_lane;
ALTER TABLE parcels DROP COLUMN poll_failures;
ALTER TABLE parcels DROP COLUMN subscribe_at;
ALTER TABLE parcels DROP COLUMN subscribed_until;
