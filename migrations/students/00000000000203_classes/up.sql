-- Classes (lớp): each in one unit and one school year for good.
create extension if not exists pg_trgm;

create table classes (
    id                  uuid primary key,
    tenant_id           uuid not null,
    unit_id             uuid not null,
    school_year_id      uuid not null references school_years (id),
    name                text not null,
    -- Derived from name: on which two names are the same; for search; for the order 5A1, 5A2, 5A10.
    name_key            text not null,
    name_search         text not null,
    name_sort           text collate "C" not null,
    grade               smallint,
    education_level     text not null,
    -- A staff record of personnel; it may be one that has not arrived here yet.
    homeroom_teacher_id uuid,
    status              text not null check (status in ('active', 'ended')),
    ended_on            date,
    end_reason          text,
    version             bigint not null default 1,
    change_xid          bigint not null default 0,
    change_sequence     bigint default 0,
    changed_at          timestamptz not null,
    changed_by          uuid not null,
    changed_for         uuid,
    changed_via         text not null,
    request_id          uuid not null,
    constraint classes_unique_name unique (tenant_id, unit_id, school_year_id, name_key),
    check ((status = 'ended') = (ended_on is not null))
);
create index classes_by_name on classes (tenant_id, name_sort, id);
create index classes_by_unit on classes (tenant_id, unit_id, name_sort, id);
create index classes_by_school_year on classes (tenant_id, school_year_id, name_sort, id);
create index classes_by_homeroom_teacher on classes (tenant_id, homeroom_teacher_id, name_sort, id);
create index classes_name_search on classes using gin (name_search gin_trgm_ops);
call track('classes', 'students.class');
