drop table import_parts;
