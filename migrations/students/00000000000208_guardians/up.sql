-- Guardians (phụ huynh, người giám hộ): people of their own, so that a parent of two children is one record.
create extension if not exists pg_trgm;

create table guardians (
    id              uuid primary key,
    tenant_id       uuid not null,
    full_name       text not null,
    -- Derived from full_name: for search without accents, and for the order of a list.
    name_search     text not null,
    name_sort       text collate "C" not null,
    gender          text,
    birth_year      smallint,
    personal_number text,
    phone           text,
    email           text,
    occupation      text,
    workplace       text,
    address         text,
    -- [{student_id, relation, legal_representative, primary_contact, valid_from, valid_to}], former ones included.
    children        jsonb not null,
    version         bigint not null default 1,
    change_xid      bigint not null default 0,
    change_sequence bigint default 0,
    changed_at      timestamptz not null,
    changed_by      uuid not null,
    changed_for     uuid,
    changed_via     text not null,
    request_id      uuid not null,
    constraint guardians_unique_personal_number unique (tenant_id, personal_number)
);
create index guardians_by_name on guardians (tenant_id, name_sort, id);
create index guardians_by_phone on guardians (tenant_id, phone) where phone is not null;
create index guardians_name_search on guardians using gin (name_search gin_trgm_ops);
call track('guardians', 'students.guardian');

-- guardians.children as rows, kept by the triggers below: who a child's guardians are, and through which child somebody
-- may see a guardian.
create table guardianships (
    guardian_id     uuid not null references guardians (id),
    tenant_id       uuid not null,
    student_id      uuid not null references students (id),
    relation        text not null,
    primary_contact boolean not null,
    valid_from      date not null,
    valid_to        date not null
);
create index guardianships_of on guardianships (guardian_id);
create index guardianships_to on guardianships (tenant_id, student_id, guardian_id);

create function derive_guardianships() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        delete from guardianships where guardian_id = new.id;
    end if;
    insert into guardianships (guardian_id, tenant_id, student_id, relation, primary_contact, valid_from, valid_to)
    select new.id, new.tenant_id, c.student_id, c.relation, c.primary_contact, coalesce(c.valid_from, '-infinity'), coalesce(c.valid_to, 'infinity')
    from jsonb_to_recordset(new.children) as c(student_id uuid, relation text, primary_contact boolean, valid_from date, valid_to date);
    return null;
end $$;
create trigger guardianships_entered after insert on guardians for each row execute function derive_guardianships();
create trigger guardianships_changed after update of children on guardians
    for each row when (new.children is distinct from old.children) execute function derive_guardianships();

-- Who may see a guardian follows from where the children are: when a child moves, the guardian moves in the change feed, so
-- that those who see the guardian from now on hear of it.
create function touch_guardians() returns trigger language plpgsql as $$
begin
    -- Locked in the order of their ids, so that two who move siblings do not wait for each other.
    update guardians set change_sequence = null where id in (
        select g.id from guardians g where g.id in (select c.guardian_id from guardianships c where c.tenant_id = new.tenant_id and c.student_id = new.id)
        order by g.id for no key update);
    return null;
end $$;
create trigger guardians_follow after update of unit_id, class_id, education_level on students
    for each row when ((new.unit_id, new.class_id, new.education_level) is distinct from (old.unit_id, old.class_id, old.education_level))
    execute function touch_guardians();
