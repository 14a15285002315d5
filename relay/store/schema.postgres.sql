-- SQLite's table function, for the one set of queries: a JSON array as rows.
CREATE FUNCTION json_each(list text) RETURNS TABLE (key bigint, value json)
LANGUAGE sql IMMUTABLE AS $$
    SELECT place - 1, element
    FROM json_array_elements(list::json) WITH ORDINALITY AS elements (element, place)
$$;

-- A closed shipment is not polled; a reopened one is polled again.

CREATE FUNCTION shipment_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE parcel_polls SET poll_at = NULL, subscribe_at = NULL
    WHERE shipment = NEW.shipment;
    RETURN NULL;
END $$;

CREATE FUNCTION shipment_reopened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE parcel_polls
    SET poll_at = coalesce(NEW.tried_at, NEW.last_event_at, NEW.registered_at),
        subscribe_at = coalesce(NEW.tried_at, NEW.last_event_at, NEW.registered_at),
        poll_failures = 0
    WHERE shipment = NEW.shipment;
    RETURN NULL;
END $$;

CREATE TRIGGER shipment_closed AFTER UPDATE OF closed_at ON shipments FOR EACH ROW
WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL)
EXECUTE FUNCTION shipment_closed();

CREATE TRIGGER shipment_reopened AFTER UPDATE OF closed_at ON shipments FOR EACH ROW
WHEN (OLD.closed_at IS NOT NULL AND NEW.closed_at IS NULL)
EXECUTE FUNCTION shipment_reopened();
