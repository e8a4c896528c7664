-- How many statements have changed units, accounts and grants: what was read of an account's grants is right as long as this
-- stays the same. It is counted by triggers, so that no writer of a release before or after can forget it.
alter table authority_freshness add column changes bigint not null default 0;

create function count_authority_change() returns trigger language plpgsql as $$
begin
    update authority_freshness set changes = changes + 1;
    return null;
end $$;
-- Before the first row is locked, so that writers wait for each other here and nowhere else.
create trigger count_authority_change before insert or update or delete or truncate on units for each statement execute function count_authority_change();
create trigger count_authority_change before insert or update or delete or truncate on accounts for each statement execute function count_authority_change();
create trigger count_authority_change before insert or update or delete or truncate on grants for each statement execute function count_authority_change();
