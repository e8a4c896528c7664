-- This service's own copy of staff (personnel.staff), filled by events.
create table staff_copies (
    id        uuid primary key,
    tenant_id uuid not null,
    code      text not null,
    full_name text not null,
    position  text not null,
    unit_id   uuid not null,
    status    text not null,
    epoch     bigint not null,
    version   bigint not null
);
create index staff_copies_by_code on staff_copies (tenant_id, code);
