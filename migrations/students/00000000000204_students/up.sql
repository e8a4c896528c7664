-- Students (học sinh).
create table students (
    id              uuid primary key,
    tenant_id       uuid not null,
    code            text not null,
    full_name       text not null,
    -- Derived from full_name: for search without accents, and for the order of a class list.
    name_search     text not null,
    name_sort       text collate "C" not null,
    birth_date      date not null,
    gender          text not null,
    personal_number text,
    status          text not null check (status in ('active', 'ended')),
    ended_on        date,
    end_reason      text,
    -- Where the student is: the open enrolment's, kept in the transaction that writes it. Without one, the school
    -- that was the last to keep the record, and no class.
    unit_id         uuid not null,
    education_level text,
    class_id        uuid,
    version         bigint not null default 1,
    change_xid      bigint not null default 0,
    change_sequence bigint default 0,
    changed_at      timestamptz not null,
    changed_by      uuid not null,
    changed_for     uuid,
    changed_via     text not null,
    request_id      uuid not null,
    -- Also serves the list by code.
    constraint students_unique_code unique (tenant_id, code),
    constraint students_unique_personal_number unique (tenant_id, personal_number),
    check ((status = 'ended') = (ended_on is not null)),
    check (status = 'active' or class_id is null)
);
create index students_by_name on students (tenant_id, name_sort, id);
create index students_by_unit on students (tenant_id, unit_id, name_sort, id);
create index students_by_class on students (tenant_id, class_id, name_sort, id);
create index students_name_search on students using gin (name_search gin_trgm_ops);
call track('students', 'students.student');
