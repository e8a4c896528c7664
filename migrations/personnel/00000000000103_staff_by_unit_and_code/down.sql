drop index staff_by_unit_and_code;
