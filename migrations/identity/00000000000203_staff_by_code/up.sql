-- Files of accounts name staff by their codes.
create index staff_names_by_code on staff_names (tenant_id, code);
