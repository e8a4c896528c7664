create trigger count_authority_change before insert or update or delete or truncate on units for each statement execute function count_authority_change();
create trigger count_authority_change before insert or update or delete or truncate on accounts for each statement execute function count_authority_change();
create trigger count_authority_change before insert or update or delete or truncate on grants for each statement execute function count_authority_change();
