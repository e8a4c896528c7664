drop index staff_names_by_code;
