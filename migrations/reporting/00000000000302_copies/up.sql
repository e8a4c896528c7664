-- What reports on how complete the records are (S1-101) will join: no names of persons.

create table school_years (
    id        uuid primary key,
    tenant_id uuid not null,
    epoch     bigint not null,
    version   bigint not null,
    code      text not null,
    name      text not null,
    starts_on date not null,
    ends_on   date not null
);

create table classes (
    id              uuid primary key,
    tenant_id       uuid not null,
    epoch           bigint not null,
    version         bigint not null,
    code            text not null,
    name            text not null,
    unit_id         uuid not null,
    school_year_id  uuid not null,
    education_level text not null,
    grade           text,
    status          text not null
);

create table students (
    id        uuid primary key,
    tenant_id uuid not null,
    epoch     bigint not null,
    version   bigint not null,
    code      text not null,
    unit_id   uuid,
    status    text not null
);

create table assignments (
    id        uuid primary key,
    tenant_id uuid not null,
    epoch     bigint not null,
    version   bigint not null,
    staff_id  uuid not null,
    class_id  uuid not null,
    subject   text not null,
    from_date date not null,
    to_date   date,
    status    text not null
);
