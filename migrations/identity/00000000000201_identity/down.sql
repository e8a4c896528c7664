drop table staff_names, refresh_tokens, sessions, private_keys, credentials;
-- The shared tables lose what was added with the columns; their triggers and indexes must go by name.
do $$
declare
    owned text;
begin
    foreach owned in array array['units', 'accounts', 'grants', 'signing_keys'] loop
        execute format('drop trigger before_tracked_write on %I', owned);
        execute format('drop trigger after_tracked_write on %I', owned);
        execute format('alter table %I drop column change_xid, drop column change_sequence, drop column changed_at,
                        drop column changed_by, drop column changed_for, drop column changed_via, drop column request_id', owned);
    end loop;
end $$;
drop index tenants_unique_code, units_name_search, accounts_by_staff, grants_by_unit;
alter table units drop constraint units_unique_code, drop column name_sort;
alter table accounts drop column unit_id, drop column name_search, drop column name_sort;
alter table grants drop column note;
