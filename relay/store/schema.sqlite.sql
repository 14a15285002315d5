-- A closed shipment is not polled; a reopened one is polled again.

CREATE TRIGGER shipment_closed AFTER UPDATE OF closed_at ON shipments
WHEN OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL
BEGIN
    UPDATE parcel_polls SET poll_at = NULL, subscribe_at = NULL
    WHERE shipment = NEW.shipment;
END;

CREATE TRIGGER shipment_reopened AFTER UPDATE OF closed_at ON shipments
WHEN OLD.closed_at IS NOT NULL AND NEW.closed_at IS NULL
BEGIN
    UPDATE parcel_polls
    SET poll_at = coalesce(NEW.tried_at, NEW.last_event_at, NEW.registered_at),
        subscribe_at = coalesce(NEW.tried_at, NEW.last_event_at, NEW.registered_at),
        poll_failures = 0
    WHERE shipment = NEW.shipment;
END;
