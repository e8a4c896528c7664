-- Staff records (hồ sơ cán bộ, giáo viên, nhân viên).
create extension if not exists pg_trgm;

create table staff (
    id              uuid primary key,
    tenant_id       uuid not null,
    unit_id         uuid not null,
    code            text not null,
    full_name       text not null,
    -- Derived from full_name: for search without accents, and for the order of a name list.
    name_search     text not null,
    name_sort       text collate "C" not null,
    birth_date      date not null,
    gender          text not null,
    personal_number text,
    phone           text,
    email           text,
    position        text not null,
    education_level text,
    status          text not null check (status in ('active', 'on_leave', 'ended')),
    started_on      date not null,
    ended_on        date,
    end_reason      text,
    version         bigint not null default 1,
    change_xid      bigint not null default 0,
    change_sequence bigint default 0,
    changed_at      timestamptz not null,
    changed_by      uuid not null,
    changed_for     uuid,
    changed_via     text not null,
    request_id      uuid not null,
    -- A name of the form <table>_unique_<field> tells callers which field is taken.
    constraint staff_unique_code unique (tenant_id, code),
    constraint staff_unique_personal_number unique (tenant_id, personal_number),
    check ((status = 'ended') = (ended_on is not null)),
    check (ended_on >= started_on)
);
create index staff_by_name on staff (tenant_id, name_sort, id);
create index staff_by_unit on staff (tenant_id, unit_id, name_sort, id);
create index staff_name_search on staff using gin (name_search gin_trgm_ops);
call track('staff', 'personnel.staff');
