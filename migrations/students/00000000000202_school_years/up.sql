-- School years of a tenant (năm học).
create table school_years (
    id              uuid primary key,
    tenant_id       uuid not null,
    code            text collate "C" not null,
    name            text not null,
    starts_on       date not null,
    ends_on         date not null,
    version         bigint not null default 1,
    change_xid      bigint not null default 0,
    change_sequence bigint default 0,
    changed_at      timestamptz not null,
    changed_by      uuid not null,
    changed_for     uuid,
    changed_via     text not null,
    request_id      uuid not null,
    -- Also serves the list by code.
    constraint school_years_unique_code unique (tenant_id, code),
    check (ends_on > starts_on)
);
call track('school_years', 'students.school_year');
