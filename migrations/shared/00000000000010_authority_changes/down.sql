drop trigger count_authority_change on grants;
drop trigger count_authority_change on accounts;
drop trigger count_authority_change on units;
drop function count_authority_change;
alter table authority_freshness drop column changes;
