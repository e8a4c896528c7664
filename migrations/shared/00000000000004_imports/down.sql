drop table import_errors, imports;
