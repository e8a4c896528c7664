-- What every service must know to decide who may do what: units and their hierarchies, accounts, grants, and the
-- keys that tokens are signed with. Identity owns these tables and adds its own columns to them
-- (migrations/identity); everywhere else they are copies, filled by events.

create table units (
    id               uuid primary key,
    tenant_id        uuid not null,
    code             text not null,
    name             text not null,
    name_search      text not null,
    kind             text not null,
    education_levels text[] not null default '{}',
    website          text,
    area_scheme      text,
    area_code        text,
    opened_on        date not null,
    closed_on        date,
    status           text not null check (status in ('open', 'closed')),
    -- [{hierarchy, unit_id, valid_from, valid_to}], the whole past included
    superiors        jsonb not null default '[]',
    epoch            bigint not null default 1,
    version          bigint not null default 1
);
create index units_by_name on units (tenant_id, name_search, id);
create index units_by_code on units (tenant_id, code, id);

-- units.superiors as rows; kept by the trigger below.
create table unit_superiors (
    unit_id     uuid not null,
    hierarchy   text not null check (hierarchy in ('administrative', 'professional')),
    superior_id uuid not null,
    valid_from  date not null,
    valid_to    date not null
);
create index unit_superiors_of on unit_superiors (unit_id, hierarchy);

-- Which units are above a unit in a hierarchy, and when; a unit is above itself at all times.
create table unit_ancestors (
    unit_id     uuid not null,
    hierarchy   text not null,
    ancestor_id uuid not null,
    valid_from  date not null,
    valid_to    date not null,
    depth       smallint not null
);
create index unit_ancestors_of on unit_ancestors (unit_id, hierarchy, ancestor_id);
create index unit_ancestors_above on unit_ancestors (ancestor_id, hierarchy, unit_id);

-- Derives both tables from a unit's superiors. The units below it follow, known by what was derived before;
-- a superior that has not arrived yet is an id like any other and is completed when it does.
create function derive_unit_ancestors() returns trigger language plpgsql as $$
declare
    affected uuid[];
begin
    if tg_op = 'UPDATE' and new.superiors = old.superiors then
        return null;
    end if;
    delete from unit_superiors where unit_id = new.id;
    insert into unit_superiors (unit_id, hierarchy, superior_id, valid_from, valid_to)
    select new.id, s.hierarchy, s.unit_id, s.valid_from, coalesce(s.valid_to, 'infinity')
    from jsonb_to_recordset(new.superiors) as s(hierarchy text, unit_id uuid, valid_from date, valid_to date);

    select array_agg(distinct unit_id) into affected
    from (select unit_id from unit_ancestors where ancestor_id = new.id union select new.id) as below(unit_id);
    delete from unit_ancestors where unit_id = any(affected);
    insert into unit_ancestors (unit_id, hierarchy, ancestor_id, valid_from, valid_to, depth)
    with recursive above as (
        select u as unit_id, h as hierarchy, u as ancestor_id, date '-infinity' as valid_from, date 'infinity' as valid_to, 0 as depth
        from unnest(affected) as u, unnest(array['administrative', 'professional']) as h
        union all
        select a.unit_id, a.hierarchy, s.superior_id, greatest(a.valid_from, s.valid_from), least(a.valid_to, s.valid_to), a.depth + 1
        from above a
        join unit_superiors s on s.unit_id = a.ancestor_id and s.hierarchy = a.hierarchy
        where a.depth < 16 and greatest(a.valid_from, s.valid_from) <= least(a.valid_to, s.valid_to)
    )
    select unit_id, hierarchy, ancestor_id, valid_from, valid_to, depth from above;
    return null;
end $$;
-- Two transactions that place related units at once would each miss what the other has not committed. The lock comes
-- before the first row's, so that writers of units wait for each other here and nowhere else.
create function one_writer_of_units() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('units', 0));
    return null;
end $$;
create trigger one_writer_of_units before insert or update of superiors on units for each statement execute function one_writer_of_units();

create trigger derive_unit_ancestors after insert or update on units for each row execute function derive_unit_ancestors();

create table accounts (
    id           uuid primary key,
    tenant_id    uuid not null,
    display_name text not null,
    staff_id     uuid,
    status       text not null check (status in ('active', 'disabled')),
    -- Access tokens issued before this moment are refused.
    valid_after  timestamptz not null default '-infinity',
    epoch        bigint not null default 1,
    version      bigint not null default 1
);

create table grants (
    id               uuid primary key,
    tenant_id        uuid not null,
    account_id       uuid not null,
    role             text not null,
    unit_id          uuid not null,
    hierarchy        text not null,
    -- Empty arrays do not restrict.
    education_levels text[] not null default '{}',
    class_ids        uuid[] not null default '{}',
    valid_from       date not null,
    valid_until      date,
    status           text not null check (status in ('active', 'ended')),
    given_by         uuid not null,
    epoch            bigint not null default 1,
    version          bigint not null default 1
);
create index grants_of on grants (account_id, status, unit_id);

-- Public halves only; identity keeps the private ones, encrypted, in a table of its own.
create table signing_keys (
    id         uuid primary key,
    tenant_id  uuid not null,
    kid        text not null unique,
    x          text not null,
    y          text not null,
    not_before timestamptz not null,
    not_after  timestamptz not null,
    epoch      bigint not null default 1,
    version    bigint not null default 1
);

-- How recent the copies above are known to be: everything identity committed before `as_of` has arrived.
create table authority_freshness (
    only_row    boolean primary key default true check (only_row),
    as_of       timestamptz not null default '-infinity',
    -- Where the last pull over HTTP ended, when events stayed away.
    pull_cursor text
);
insert into authority_freshness default values;
