-- Everything else that schools keep of their staff (S1-008 to S1-049). Coded values are `scheme/version/code`.
alter table staff
    add column identity_status            text not null default 'unverified' check (identity_status in ('unverified', 'verified', 'mismatch')),
    add column identity_checked_on        date,
    -- Employments besides the present primary one, which is unit_id, position, started_on and so on: those before it,
    -- and those at other units meanwhile. [{unit_id, position, education_level, contract_form, started_on, ended_on, end_reason}]
    add column former_employments         jsonb not null default '[]',
    add column secondary_employments      jsonb not null default '[]',
    add column photo                      text,
    add column birth_place                text,
    add column nationality                text,
    add column native_place               text,
    add column permanent_address          text,
    add column permanent_area             text,
    add column current_address            text,
    add column current_area               text,
    add column marital_status             text,
    add column ethnic_group               text,
    add column religion                   text,
    add column family_priority            text,
    add column own_priority               text,
    add column identifiers                jsonb not null default '[]',
    add column contract_form              text,
    add column contract_on                date,
    add column recruited_on               date,
    add column assigned_work              text,
    add column work                       text,
    add column concurrent_title           text,
    -- Kept as one value until record sets (education, training, qualifications) exist, from which it will be derived.
    add column training                   jsonb not null default '{}',
    add column main_subject               text,
    add column secondary_subject          text,
    add column subject_group              text,
    add check (identity_status = 'unverified' or identity_checked_on is not null);

-- Who works at a unit besides their primary employment elsewhere; kept by the trigger below, so that the unit sees them.
create table secondary_employments (
    staff_id   uuid not null references staff (id),
    tenant_id  uuid not null,
    unit_id    uuid not null,
    started_on date not null,
    ended_on   date not null
);
create index secondary_employments_of on secondary_employments (staff_id);
create index secondary_employments_at on secondary_employments (tenant_id, unit_id, staff_id);

create function derive_secondary_employments() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        delete from secondary_employments where staff_id = new.id;
    end if;
    insert into secondary_employments (staff_id, tenant_id, unit_id, started_on, ended_on)
    select new.id, new.tenant_id, e.unit_id, e.started_on, coalesce(e.ended_on, 'infinity')
    from jsonb_to_recordset(new.secondary_employments) as e(unit_id uuid, started_on date, ended_on date);
    return null;
end $$;
create trigger secondary_employments_entered after insert on staff
    for each row when (new.secondary_employments <> '[]') execute function derive_secondary_employments();
create trigger secondary_employments_changed after update of secondary_employments on staff
    for each row when (new.secondary_employments is distinct from old.secondary_employments) execute function derive_secondary_employments();
