-- Headcounts (số lượng cán bộ, giáo viên, học sinh), kept by events alone.
--
-- A fact says where one record is counted and from which day to which: a pure function of the event that brought it,
-- so that duplicated and shuffled events lead to the same facts. The changes are derived from the facts by triggers, for
-- a whole statement at once: +1 on the first day, -1 on the day after the last. A count as of a day is a sum over the
-- changes until then; it costs units x dimensions x days with a change, however many people there are.
-- docs: services/reporting/src/headcounts/mod.rs

-- One row per staff record.
create table staff_facts (
    id              uuid primary key,
    tenant_id       uuid not null,
    epoch           bigint not null,
    version         bigint not null,
    unit_id         uuid not null,
    -- Empty texts stand for what a record does not have.
    education_level text not null,
    gender          text not null,
    position_group  text not null,
    grade           text not null default '',
    -- Without a first day the record is counted on no day; without a last day it is counted until further notice.
    from_date       date,
    to_date         date,
    check (to_date >= from_date)
);

-- One row per enrolment.
create table enrolment_facts (
    id              uuid primary key,
    tenant_id       uuid not null,
    epoch           bigint not null,
    version         bigint not null,
    unit_id         uuid not null,
    education_level text not null,
    gender          text not null,
    position_group  text not null default '',
    grade           text not null,
    from_date       date,
    to_date         date,
    check (to_date >= from_date)
);

-- By how much a headcount changes on a day. Compared byte by byte, so that reports have one order everywhere.
create table headcount_changes (
    tenant_id       uuid not null,
    subject         text not null check (subject in ('staff', 'students')),
    unit_id         uuid not null,
    on_date         date not null,
    education_level text collate "C" not null,
    gender          text collate "C" not null,
    position_group  text collate "C" not null,
    grade           text collate "C" not null,
    delta           bigint not null,
    primary key (tenant_id, subject, unit_id, on_date, education_level, gender, position_group, grade)
);

-- How recent the facts are: when the newest change that has arrived came about, by aggregate.
create table newest_changes (
    aggregate   text primary key,
    occurred_at timestamptz not null
);

-- Takes the contributions of the former facts away and adds those of the new ones. Argument: the subject.
-- Whoever writes facts, in whatever order, leaves changes that add up to them.
create function derive_headcount_changes() returns trigger language plpgsql as $$
declare
    written text := case tg_op
        when 'INSERT' then 'select 1 as sign, f.* from new_facts f'
        when 'DELETE' then 'select -1 as sign, f.* from old_facts f'
        else 'select 1 as sign, f.* from new_facts f union all select -1 as sign, f.* from old_facts f'
    end;
    voided tid[];
begin
    -- Writers of many rows each would wait for one another in a circle.
    perform pg_advisory_xact_lock(hashtextextended('headcount_changes', 0));
    execute format($statement$
        with written as (%s),
        ends as (
            select tenant_id, unit_id, from_date as on_date, education_level, gender, position_group, grade, sign as delta
            from written where from_date is not null
            union all
            select tenant_id, unit_id, to_date + 1, education_level, gender, position_group, grade, -sign
            from written where from_date is not null and to_date is not null
        ),
        kept as (
            insert into headcount_changes as c (tenant_id, subject, unit_id, on_date, education_level, gender, position_group, grade, delta)
            select tenant_id, %L, unit_id, on_date, education_level, gender, position_group, grade, sum(delta)
            from ends
            group by tenant_id, unit_id, on_date, education_level, gender, position_group, grade
            having sum(delta) <> 0
            on conflict (tenant_id, subject, unit_id, on_date, education_level, gender, position_group, grade)
            do update set delta = c.delta + excluded.delta
            returning c.ctid as place, c.delta
        )
        select array_agg(place) from kept where delta = 0
    $statement$, written, tg_argv[0]) into voided;
    if voided is not null then
        -- Nobody else writes while the lock is held, so the rows are still in these places.
        delete from headcount_changes where ctid = any(voided);
    end if;
    return null;
end $$;

create trigger staff_facts_inserted after insert on staff_facts referencing new table as new_facts
    for each statement execute function derive_headcount_changes('staff');
create trigger staff_facts_updated after update on staff_facts referencing old table as old_facts new table as new_facts
    for each statement execute function derive_headcount_changes('staff');
create trigger staff_facts_deleted after delete on staff_facts referencing old table as old_facts
    for each statement execute function derive_headcount_changes('staff');
create trigger enrolment_facts_inserted after insert on enrolment_facts referencing new table as new_facts
    for each statement execute function derive_headcount_changes('students');
create trigger enrolment_facts_updated after update on enrolment_facts referencing old table as old_facts new table as new_facts
    for each statement execute function derive_headcount_changes('students');
create trigger enrolment_facts_deleted after delete on enrolment_facts referencing old table as old_facts
    for each statement execute function derive_headcount_changes('students');
