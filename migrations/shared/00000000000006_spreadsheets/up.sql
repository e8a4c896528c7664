-- Imports of spreadsheets: modes, the circuit breaker, errors beside their cells; exports.
alter table imports
    -- How it is done: see ImportMode. `dry_run` is no longer read.
    add column mode            text not null default 'valid_rows' check (mode in ('dry_run', 'all_or_nothing', 'valid_rows')),
    -- The language its errors are told in.
    add column locale          text not null default 'en',
    -- Whether the circuit breaker has been told to let it pass.
    add column confirmed       boolean not null default false,
    -- {unit: records of it changed or ended so far}
    add column changed_by_unit jsonb not null default '{}',
    -- [{unit_id, records, changed}] of the units for which the circuit breaker held it.
    add column held_for        jsonb not null default '[]',
    -- How many times a worker has taken it: more than one when a process was killed in the middle.
    add column attempts        integer not null default 0,
    drop constraint imports_state_check,
    add constraint imports_state_check check (state in ('queued', 'running', 'held', 'done', 'failed'));
alter table imports alter column dry_run set default false;

alter table import_errors
    add column sheet         text not null default '',
    -- The row as the file's own program numbers it; `line` is its place among the rows of the file.
    add column row_number    integer not null default 0,
    add column column_letter text not null default '',
    add column header        text not null default '';

-- Exports of lists: jobs whose file is made in parts.
create table exports (
    id          uuid primary key,
    tenant_id   uuid not null,
    resource    text not null,
    account_id  uuid not null,
    client      text not null,
    request_id  uuid not null,
    format      text not null check (format in ('csv', 'xlsx')),
    locale      text not null,
    -- The list as it was asked for: its query string.
    query       text not null,
    sensitive   boolean not null,
    state       text not null check (state in ('queued', 'running', 'done', 'failed')),
    reason      text,
    rows        integer not null default 0,
    bytes       bigint not null default 0,
    attempts    integer not null default 0,
    created_at  timestamptz not null,
    finished_at timestamptz,
    held_until  timestamptz
);
create index exports_waiting on exports (created_at) where state in ('queued', 'running');
create index exports_of on exports (account_id, state);
create index exports_ended on exports (finished_at);

create table export_parts (
    export_id uuid not null references exports (id),
    part      integer not null,
    content   bytea not null,
    primary key (export_id, part)
);
