-- Lists of changes show `verified_at`.

CREATE OR REPLACE FUNCTION shipment_changed() RETURNS trigger LANGUAGE plpgsql AS $$
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
