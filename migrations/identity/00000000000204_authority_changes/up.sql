-- Identity remembers nothing of its own tables, whose writers would wait for each other.
drop trigger count_authority_change on units;
drop trigger count_authority_change on accounts;
drop trigger count_authority_change on grants;
