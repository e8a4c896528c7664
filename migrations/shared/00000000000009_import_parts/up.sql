-- The files of imports, in parts: a connection that has carried a file in one piece keeps a buffer of its size for life.
create table import_parts (
    import_id uuid not null references imports (id) on delete cascade,
    part      integer not null,
    content   bytea not null,
    primary key (import_id, part)
);
-- Workbooks are compressed already, and compressing text takes longer than writing it.
alter table import_parts alter column content set storage external;
-- Files that still wait. What the former release goes on to write into imports.file is read from there.
insert into import_parts (import_id, part, content) select id, 0, file from imports where file is not null and state in ('queued', 'running', 'held');
