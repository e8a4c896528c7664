drop table authority_freshness, signing_keys, grants, accounts, unit_ancestors, unit_superiors, units;
drop function derive_unit_ancestors;
