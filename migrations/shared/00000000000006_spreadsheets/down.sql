drop table export_parts;
drop table exports;
alter table import_errors drop column sheet, drop column row_number, drop column column_letter, drop column header;
delete from import_errors where import_id in (select id from imports where state = 'held');
delete from imports where state = 'held';
alter table imports
    drop column mode, drop column locale, drop column confirmed, drop column changed_by_unit, drop column held_for, drop column attempts,
    drop constraint imports_state_check,
    add constraint imports_state_check check (state in ('queued', 'running', 'done', 'failed'));
