-- Enrolments (ghi danh): a student in a class from one day to another. A transfer ends one and begins another.
create table enrolments (
    id              uuid primary key,
    tenant_id       uuid not null,
    student_id      uuid not null references students (id),
    class_id        uuid not null references classes (id),
    enrolled_on     date not null,
    -- The last day in the class.
    ended_on        date,
    end_reason      text,
    -- Copied from the class and the student, kept in the transaction that changes them there.
    unit_id         uuid not null,
    school_year_id  uuid not null,
    education_level text not null,
    grade           smallint,
    gender          text not null,
    version         bigint not null default 1,
    change_xid      bigint not null default 0,
    change_sequence bigint default 0,
    changed_at      timestamptz not null,
    changed_by      uuid not null,
    changed_for     uuid,
    changed_via     text not null,
    request_id      uuid not null,
    check (ended_on >= enrolled_on),
    check ((ended_on is null) = (end_reason is null))
);
-- One open enrolment at a time; that ended ones do not overlap is checked by the store, which locks the student.
create unique index enrolments_unique_period on enrolments (tenant_id, student_id) where ended_on is null;
create index enrolments_by_date on enrolments (tenant_id, enrolled_on, id);
create index enrolments_by_student on enrolments (tenant_id, student_id, enrolled_on, id);
create index enrolments_by_class on enrolments (tenant_id, class_id, enrolled_on, id);
call track('enrolments', 'students.enrolment');
