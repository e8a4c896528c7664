-- Imports of files: jobs that survive a restart. The file stays until the job is done.
create table imports (
    id          uuid primary key,
    tenant_id   uuid not null,
    resource    text not null,
    account_id  uuid not null,
    client      text not null,
    request_id  uuid not null,
    dry_run     boolean not null,
    file        bytea,
    state       text not null check (state in ('queued', 'running', 'done', 'failed')),
    reason      text,
    total       integer not null,
    done        integer not null default 0,
    created     integer not null default 0,
    changed     integer not null default 0,
    unchanged   integer not null default 0,
    failed      integer not null default 0,
    created_at  timestamptz not null,
    finished_at timestamptz,
    -- Whoever works on it holds it until then; afterwards another process goes on where it stopped.
    held_until  timestamptz
);
create index imports_waiting on imports (created_at) where state in ('queued', 'running');
-- Whose turn it is; what has been kept long enough.
create index imports_of on imports (account_id, state);
create index imports_ended on imports (finished_at);

create table import_errors (
    import_id uuid not null references imports (id),
    line      integer not null,
    place     integer not null,
    field     text not null,
    code      text not null,
    detail    text not null,
    value     text,
    primary key (import_id, line, place)
);
