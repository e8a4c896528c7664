-- Staff of a unit in the order of their codes, as clerks list them; staff_by_unit has them by name.
create index staff_by_unit_and_code on staff (tenant_id, unit_id, code);
