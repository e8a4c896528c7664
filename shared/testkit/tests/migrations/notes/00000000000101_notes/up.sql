create table notes (
    id uuid primary key, tenant_id uuid not null, unit_id uuid not null, text text not null, version bigint not null default 1,
    change_xid bigint not null default 0, change_sequence bigint not null default 0, changed_at timestamptz not null
);
call track('notes', 'notes.note');
