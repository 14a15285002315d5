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

-- Changes that lists show get the number of their transaction. Transactions do not commit in
-- the order of their numbers: numbers from the horizon on may still get company, so lists end
-- before it (https://www.postgresql.org/docs/current/functions-info.html, "pg_snapshot_xmin").

CREATE FUNCTION change_offset() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT latest FROM change_counter), 0)
$$;

CREATE VIEW change_horizon AS
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + change_offset() AS horizon;

CREATE FUNCTION continue_changes() RETURNS void LANGUAGE sql AS $$
    INSERT INTO change_counter (id, latest)
    SELECT 1, newest + 1 - pg_current_xact_id()::text::bigint
    FROM (SELECT max(change_number) AS newest FROM shipments) AS stored
    WHERE newest > pg_current_xact_id()::text::bigint + change_offset()
    ON CONFLICT (id) DO UPDATE SET latest = excluded.latest
$$;

CREATE FUNCTION shipment_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR ROW(
        NEW.contract, NEW.volumes, NEW.invoice_key, NEW.promised_on, NEW.tracking_number,
        NEW.tracking_url, NEW.courier, NEW.dispatched_date, NEW.registered_at,
        NEW.last_event_at, NEW.delivered_published_at, NEW.verified_at, NEW.closed_reason,
        NEW.stuck_reason, NEW.contradicted_reason, NEW.waiting_reason, NEW.not_before,
        NEW.in_doubt_since,
        NEW.in_doubt_since IS NOT NULL AND NEW.pending IS NOT NULL,
        NEW.due_at IS NULL AND NEW.events_due_at IS NULL, NEW.updated_at
    ) IS DISTINCT FROM ROW(
        OLD.contract, OLD.volumes, OLD.invoice_key, OLD.promised_on, OLD.tracking_number,
        OLD.tracking_url, OLD.courier, OLD.dispatched_date, OLD.registered_at,
        OLD.last_event_at, OLD.delivered_published_at, OLD.verified_at, OLD.closed_reason,
        OLD.stuck_reason, OLD.contradicted_reason, OLD.waiting_reason, OLD.not_before,
        OLD.in_doubt_since,
        OLD.in_doubt_since IS NOT NULL AND OLD.pending IS NOT NULL,
        OLD.due_at IS NULL AND OLD.events_due_at IS NULL, OLD.updated_at
    ) THEN
        NEW.change_number := pg_current_xact_id()::text::bigint + change_offset();
        NEW.updated_at := greatest(
            NEW.updated_at, NEW.registered_at, NEW.last_event_at, NEW.tried_at,
            NEW.failing_since, NEW.stuck_at, NEW.closed_at, NEW.delivered_published_at,
            NEW.verified_at, NEW.in_doubt_since, NEW.resent_at, NEW.order_read_at,
            NEW.events_waiting_since);
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION shipment_noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shipments SET updated_at = NEW.noted_at
    WHERE shipment = NEW.shipment AND updated_at < NEW.noted_at;
    RETURN NULL;
END $$;

CREATE TRIGGER shipment_changed BEFORE INSERT OR UPDATE ON shipments FOR EACH ROW
EXECUTE FUNCTION shipment_changed();

CREATE TRIGGER shipment_noted AFTER INSERT ON notes FOR EACH ROW
EXECUTE FUNCTION shipment_noted();
