-- The trace that a change belongs to (W3C Trace Context), so that publishing and applying it are part of the same trace.
-- Null unless traces are on: only then do connections say which trace is at work.
alter table outbox add column traceparent text;

create or replace function after_tracked_write() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if new.version = old.version then
            return null;
        end if;
        insert into history (aggregate, id, tenant_id, version, state)
        values (tg_argv[0], old.id, old.tenant_id, old.version, to_jsonb(old));
    end if;
    insert into outbox (aggregate, id, version, traceparent)
    values (tg_argv[0], new.id, new.version, nullif(current_setting('registrar.traceparent', true), ''));
    return null;
end $$;
