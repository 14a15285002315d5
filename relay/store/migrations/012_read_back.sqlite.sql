-- Lists of changes show `verified_at`.

DROP TRIGGER shipment_changed;

CREATE TRIGGER shipment_changed AFTER UPDATE ON shipments
WHEN NEW.change_number = OLD.change_number AND (
    NEW.contract IS NOT OLD.contract
    OR NEW.volumes IS NOT OLD.volumes
    OR NEW.invoice_key IS NOT OLD.invoice_key
    OR NEW.promised_on IS NOT OLD.promised_on
    OR NEW.tracking_number IS NOT OLD.tracking_number
    OR NEW.tracking_url IS NOT OLD.tracking_url
    OR NEW.courier IS NOT OLD.courier
    OR NEW.dispatched_date IS NOT OLD.dispatched_date
    OR NEW.registered_at IS NOT OLD.registered_at
    OR NEW.last_event_at IS NOT OLD.last_event_at
    OR NEW.delivered_published_at IS NOT OLD.delivered_published_at
    OR NEW.verified_at IS NOT OLD.verified_at
    OR NEW.closed_reason IS NOT OLD.closed_reason
    OR NEW.stuck_reason IS NOT OLD.stuck_reason
    OR NEW.contradicted_reason IS NOT OLD.contradicted_reason
    OR NEW.waiting_reason IS NOT OLD.waiting_reason
    OR NEW.not_before IS NOT OLD.not_before
    OR NEW.in_doubt_since IS NOT OLD.in_doubt_since
    OR (NEW.in_doubt_since IS NOT NULL
        AND (NEW.pending IS NULL) <> (OLD.pending IS NULL))
    OR (NEW.due_at IS NULL AND NEW.events_due_at IS NULL)
       <> (OLD.due_at IS NULL AND OLD.events_due_at IS NULL)
    OR NEW.updated_at IS NOT OLD.updated_at)
BEGIN
    INSERT INTO change_counter (id, latest) VALUES (1, 1)
    ON CONFLICT (id) DO UPDATE SET latest = latest + 1;
    UPDATE shipments
    SET change_number = (SELECT latest FROM change_counter),
        updated_at = max(
            NEW.updated_at, NEW.registered_at, coalesce(NEW.last_event_at, 0),
            coalesce(NEW.tried_at, 0), coalesce(NEW.failing_since, 0),
            coalesce(NEW.stuck_at, 0), coalesce(NEW.closed_at, 0),
            coalesce(NEW.delivered_published_at, 0), coalesce(NEW.verified_at, 0),
            coalesce(NEW.in_doubt_since, 0),
            coalesce(NEW.resent_at, 0), coalesce(NEW.order_read_at, 0),
            coalesce(NEW.events_waiting_since, 0))
    WHERE shipment = NEW.shipment;
END;
