create or replace function after_tracked_write() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if new.version = old.version then
            return null;
        end if;
        insert into history (aggregate, id, tenant_id, version, state)
        values (tg_argv[0], old.id, old.tenant_id, old.version, to_jsonb(old));
    end if;
    insert into outbox (aggregate, id, version) values (tg_argv[0], new.id, new.version);
    return null;
end $$;
alter table outbox drop column traceparent;
