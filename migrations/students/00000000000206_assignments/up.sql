-- Teaching assignments (phân công giảng dạy): who teaches which subject in which class, from one day to another.
create table assignments (
    id               uuid primary key,
    tenant_id        uuid not null,
    -- A staff record of personnel; it may be one that has not arrived here yet.
    staff_id         uuid not null,
    class_id         uuid not null references classes (id),
    subject          text not null,
    periods_per_week smallint not null check (periods_per_week between 1 and 40),
    valid_from       date not null,
    -- The last day; open when null.
    valid_to         date,
    status           text not null check (status in ('active', 'ended')),
    -- Copied from the class, kept in the transaction that changes it there.
    unit_id          uuid not null,
    education_level  text not null,
    version          bigint not null default 1,
    change_xid       bigint not null default 0,
    change_sequence  bigint default 0,
    changed_at       timestamptz not null,
    changed_by       uuid not null,
    changed_for      uuid,
    changed_via      text not null,
    request_id       uuid not null,
    constraint assignments_unique_from unique (tenant_id, class_id, staff_id, subject, valid_from),
    check (valid_to >= valid_from),
    check (status = 'active' or valid_to is not null)
);
create index assignments_by_date on assignments (tenant_id, valid_from, id);
create index assignments_by_class on assignments (tenant_id, class_id, valid_from, id);
create index assignments_by_staff on assignments (tenant_id, staff_id, valid_from, id);
create index assignments_by_unit on assignments (tenant_id, unit_id, valid_from, id);
call track('assignments', 'students.assignment');
