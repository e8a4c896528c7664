-- Headcounts divided by any two dimensions, rolled up both hierarchies when they are written and not when they are read.
-- docs/adr/0005-reports.md says why; services/reporting/src/headcounts/mod.rs how it hangs together.
--
-- What events say is copied into three tables. From these follow the facts: who is counted where, by which dimensions, on
-- which days (the view headcount_facts). When copies change, triggers note by how much headcounts change on which day
-- (headcount_pending); a job adds that up for the unit and all above it (headcount_sums). A report is the sums plus what is
-- pending, always exact.
--
-- The former tables staff_facts, enrolment_facts and headcount_changes are left without use until the next release.

drop trigger staff_facts_inserted on staff_facts;
drop trigger staff_facts_updated on staff_facts;
drop trigger staff_facts_deleted on staff_facts;
drop trigger enrolment_facts_inserted on enrolment_facts;
drop trigger enrolment_facts_updated on enrolment_facts;
drop trigger enrolment_facts_deleted on enrolment_facts;

-- Copies. Texts are empty where a record has nothing, coded values are scheme/version/code, and what has no last day
-- lasts to infinity.

create table enrolments (
    id              uuid primary key,
    tenant_id       uuid not null,
    epoch           bigint not null,
    version         bigint not null,
    student_id      uuid not null,
    unit_id         uuid not null,
    education_level text not null,
    grade           text not null,
    -- Counts until the student's statistics have arrived.
    gender          text not null,
    -- Without a first day it is counted on no day.
    from_date       date,
    to_date         date not null,
    check (to_date >= from_date)
);
create index enrolments_of_student on enrolments (student_id);
create index enrolments_in_unit on enrolments (unit_id, to_date);

create table student_statistics (
    id              uuid primary key,
    tenant_id       uuid not null,
    epoch           bigint not null,
    version         bigint not null,
    unit_id         uuid not null,
    education_level text not null,
    gender          text not null,
    birth_year      text not null,
    ethnic_group    text not null,
    policy_category text not null,
    identity_status text not null,
    missing         text[] not null,
    ended           boolean not null
);
create index student_statistics_in_unit on student_statistics (unit_id);

create table staff_statistics (
    id              uuid primary key,
    tenant_id       uuid not null,
    epoch           bigint not null,
    version         bigint not null,
    -- Of the present or latest employment.
    unit_id         uuid,
    education_level text not null,
    identity_status text not null,
    missing         text[] not null,
    ended           boolean not null,
    -- [{unit_id, education_level, dimensions, from_date, to_date}]
    employments     jsonb not null
);
create index staff_statistics_in_unit on staff_statistics (unit_id);

-- staff_statistics.employments as rows; kept by a trigger below.
create table staff_employments (
    staff_id        uuid not null,
    tenant_id       uuid not null,
    unit_id         uuid not null,
    education_level text not null,
    dimensions      text[] not null,
    from_date       date not null,
    to_date         date not null
);
create index staff_employments_of on staff_employments (staff_id);
create index staff_employments_in_unit on staff_employments (unit_id, to_date);

-- Facts. The texts of these queries take the table from which to make facts, since triggers put there what was written.
-- The order of dimensions is that of `Subject::stored` in services/reporting/src/headcounts/model.rs.

-- From enrolments e and students' statistics s, if there are any.
create function facts_of_students(source text, sign text) returns text language sql immutable as $$
    select format($query$
        select %2$s as sign, e.tenant_id, text 'students' as subject, e.unit_id, e.education_level,
               array[coalesce(s.gender, e.gender), e.grade, coalesce(s.birth_year, ''), coalesce(s.ethnic_group, ''), coalesce(s.policy_category, '')] as dimensions,
               e.from_date, e.to_date
        from %1$s
        where e.from_date is not null
    $query$, source, sign)
$$;

create function facts_of_staff(source text, sign text) returns text language sql immutable as $$
    select format($query$
        select %2$s as sign, e.tenant_id, text 'staff' as subject, e.unit_id, e.education_level, e.dimensions, e.from_date, e.to_date
        from %1$s e
    $query$, source, sign)
$$;

-- Records as they are now, each under several items: itself, its identity status, each field that is missing.
create function facts_of_records(subject text, source text, sign text) returns text language sql immutable as $$
    select format($query$
        select %3$s as sign, r.tenant_id, text %1$L as subject, r.unit_id, r.education_level, array[i.item] as dimensions,
               date '-infinity' as from_date, date 'infinity' as to_date
        from %2$s r
        cross join lateral unnest(array['#record', '#' || r.identity_status] || r.missing || case when r.missing = '{}' then array['#complete'] end) i(item)
        where not r.ended and r.unit_id is not null
    $query$, subject, source, sign)
$$;

do $$ begin
    execute 'create view headcount_facts as ' || concat_ws(' union all ',
        facts_of_students('enrolments e left join student_statistics s on s.id = e.student_id and s.tenant_id = e.tenant_id', '1'),
        facts_of_staff('staff_employments', '1'),
        facts_of_records('student_records', 'student_statistics', '1'),
        facts_of_records('staff_records', 'staff_statistics', '1'));
end $$;

-- By how much headcounts change on a day, not yet in headcount_sums. Only added to, so that writers do not wait here.
create table headcount_pending (
    sequence        bigint generated always as identity primary key,
    tenant_id       uuid not null,
    subject         text not null,
    unit_id         uuid not null,
    on_date         date not null,
    education_level text not null,
    dimensions      text[] not null,
    delta           bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- By which two of its dimensions, by their numbers, each subject is divided; b is 0 for one alone.
create table headcount_divisions (
    subject text not null,
    a       smallint not null,
    b       smallint not null,
    primary key (subject, a, b)
);
insert into headcount_divisions
select s.subject, a, b
from (values ('students', 5), ('staff', 9), ('student_records', 1), ('staff_records', 1)) s(subject, dimensions)
cross join lateral generate_series(1, s.dimensions) a
cross join lateral generate_series(0, a - 1) b;

-- For the rows of a report: the first ones in their order, or those just below a unit, without looking at all.
create index units_in_order_of_reports on units (tenant_id, (code collate "C"), (id::text collate "C"));
create index unit_ancestors_by_depth on unit_ancestors (ancestor_id, hierarchy, depth);

-- The headcount of a unit on headcount_calendar.today, and by how much it changes in a month and on a day.
create table headcount_sums (
    unit_id uuid not null,
    -- <subject>/<hierarchy>/<a>.<b>/<span>, such as students/professional/2.1/month. The hierarchy is `own` for what is
    -- counted in the unit itself, which is divided by one dimension only; the span is today, month or day.
    series  text collate "C" not null,
    -- The day, or the first of the month; -infinity for today.
    on_date date not null,
    -- The education level, empty when there is none and then followed by those of the unit, parted by |. A caller whose
    -- grants are for certain levels sees what has one of these.
    levels  text collate "C" not null,
    a_value text collate "C" not null,
    b_value text collate "C" not null,
    delta   bigint not null,
    primary key (unit_id, series, on_date, levels, a_value, b_value)
);

-- Both are moved on by the job, by the service's clock.
create table headcount_calendar (
    only_row boolean primary key default true check (only_row),
    -- From which day on headcount_sums has changes: the first of a month. For days before it the facts are counted.
    opening  date not null,
    today    date not null
);
insert into headcount_calendar (opening, today) values ('2000-01-01', '2000-01-01');

-- Where the units stand for headcount_sums: in themselves, and below others when.
create table headcount_placements (
    tenant_id   uuid not null,
    unit_id     uuid not null,
    hierarchy   text not null,
    ancestor_id uuid not null,
    valid_from  date not null,
    valid_to    date not null,
    -- headcount_sums.levels of what has no education level there.
    levels      text not null,
    -- Tells rows apart while a unit stands below another several times over: moves that arrive in another order than they
    -- were made can close a circle for a while.
    depth       smallint not null
);
create index headcount_placements_of on headcount_placements (unit_id);

-- Where they stand by what has arrived of the units; only within their tenant.
create view headcount_places as
    select u.tenant_id, u.id as unit_id, text 'own' as hierarchy, u.id as ancestor_id, date '-infinity' as valid_from, date 'infinity' as valid_to,
           '|' || array_to_string(u.education_levels, '|') as levels, smallint '0' as depth
    from units u
    union all
    select u.tenant_id, a.unit_id, a.hierarchy, a.ancestor_id, a.valid_from, a.valid_to, '|' || array_to_string(u.education_levels, '|'), a.depth
    from unit_ancestors a
    join units u on u.id = a.unit_id
    join units above on above.id = a.ancestor_id and above.tenant_id = u.tenant_id
    where a.depth > 0;

-- What is to be added to the placements, and taken from them.
create view headcount_misplaced as
    select w.*, 1 as sign from headcount_places w
    where not exists (
        select from headcount_placements p
        where (p.tenant_id, p.unit_id, p.hierarchy, p.ancestor_id, p.valid_from, p.valid_to, p.levels, p.depth)
            = (w.tenant_id, w.unit_id, w.hierarchy, w.ancestor_id, w.valid_from, w.valid_to, w.levels, w.depth))
    union all
    select p.*, -1 from headcount_placements p
    where not exists (
        select from headcount_places w
        where (p.tenant_id, p.unit_id, p.hierarchy, p.ancestor_id, p.valid_from, p.valid_to, p.levels, p.depth)
            = (w.tenant_id, w.unit_id, w.hierarchy, w.ancestor_id, w.valid_from, w.valid_to, w.levels, w.depth));

-- Units that may be misplaced. Only added to, like headcount_pending.
create table headcount_moved (
    unit_id uuid not null
);
create index headcount_moved_of on headcount_moved (unit_id);
insert into headcount_moved (unit_id) select id from units;

create function mark_moved_units() returns trigger language plpgsql as $$
begin
    insert into headcount_moved (unit_id) select distinct unit_id from new_rows;
    return null;
end $$;
create trigger mark_moved_units after insert on unit_ancestors referencing new table as new_rows
    for each statement execute function mark_moved_units();

create function mark_unit_of_other_levels() returns trigger language plpgsql as $$
begin
    insert into headcount_moved (unit_id) values (new.id);
    return null;
end $$;
create trigger mark_unit_of_other_levels after update of education_levels on units
    for each row when (old.education_levels <> new.education_levels) execute function mark_unit_of_other_levels();

-- Adds up. The argument names two relations, as parts of a WITH: deltas (tenant_id, subject, unit_id, on_date,
-- education_level, dimensions, delta) and places (a placement, and whether it is added or taken away).
-- The planner knows nothing of the relations and expects few rows: it would sort what it had better hash.
create function sum_headcounts(relations text) returns void language plpgsql set work_mem = '64MB' set enable_sort = off set jit = off as $$
declare
    voided tid[];
begin
    execute format($statement$
        with %s,
        -- Of what changed before the opening the day does not matter.
        divided as (
            select d.tenant_id, d.subject, d.unit_id, greatest(d.on_date, c.opening - 1) as on_date, d.education_level, n.a, n.b,
                   d.dimensions[n.a] collate "C" as a_value, case when n.b = 0 then '' else d.dimensions[n.b] end collate "C" as b_value, sum(d.delta) as delta
            from deltas d
            join headcount_divisions n on n.subject = d.subject
            cross join headcount_calendar c
            group by 1, 2, 3, 4, 5, 6, 7, 8, 9
            having sum(d.delta) <> 0
        ),
        -- A unit counts above another from the day it comes there to the day it leaves.
        placed as (
            select p.ancestor_id as unit_id, (d.subject || '/' || p.hierarchy || '/' || d.a || '.' || d.b || '/') collate "C" as series, e.on_date,
                   case when d.education_level = '' then p.levels else d.education_level end collate "C" as levels, d.a_value, d.b_value, sum(d.delta * p.sign * e.sign) as delta
            from divided d
            join places p on p.unit_id = d.unit_id and p.tenant_id = d.tenant_id and d.on_date <= p.valid_to and (p.hierarchy <> 'own' or d.b = 0)
            cross join lateral (values (greatest(d.on_date, p.valid_from), 1), (p.valid_to + 1, -1)) e(on_date, sign)
            where e.on_date < 'infinity'
            group by 1, 2, 3, 4, 5, 6
            having sum(d.delta * p.sign * e.sign) <> 0
        ),
        kept as (
            insert into headcount_sums as s (unit_id, series, on_date, levels, a_value, b_value, delta)
            select p.unit_id, p.series || t.span, t.on_date, p.levels, p.a_value, p.b_value, sum(p.delta)
            from placed p
            cross join headcount_calendar c
            cross join lateral (values
                ('today', case when p.on_date <= c.today then date '-infinity' end),
                ('month', case when p.on_date >= c.opening then date_trunc('month', p.on_date)::date end),
                ('day', case when p.on_date >= c.opening then p.on_date end)) t(span, on_date)
            where t.on_date is not null
            group by 1, 2, 3, 4, 5, 6
            having sum(p.delta) <> 0
            order by 1, 2, 3, 4, 5, 6
            on conflict (unit_id, series, on_date, levels, a_value, b_value) do update set delta = s.delta + excluded.delta
            returning s.ctid as place, s.delta
        )
        select array_agg(place) from kept where delta = 0
    $statement$, relations) into voided;
    if voided is not null then
        -- Nobody else writes while the lock is held, so the rows are still in these places.
        delete from headcount_sums where ctid = any(voided);
    end if;
end $$;

create function lock_headcount_sums() returns void language sql as $$
    select pg_advisory_xact_lock(hashtextextended('headcount_sums', 0))
$$;

-- Moves the calendar on: adds to the headcounts of today the changes since they were made. Answers whether the opening
-- moved.
create function advance_headcounts(new_opening date, new_today date) returns boolean language plpgsql as $$
declare
    old_opening date;
begin
    perform lock_headcount_sums();
    insert into headcount_sums as s (unit_id, series, on_date, levels, a_value, b_value, delta)
    select d.unit_id, left(d.series, -3) || 'today', '-infinity', d.levels, d.a_value, d.b_value, sum(d.delta)
    from headcount_sums d
    cross join headcount_calendar c
    where d.series like '%/day' and d.on_date > c.today and d.on_date <= new_today
    group by 1, 2, 4, 5, 6
    having sum(d.delta) <> 0
    on conflict (unit_id, series, on_date, levels, a_value, b_value) do update set delta = s.delta + excluded.delta;
    select opening into old_opening from headcount_calendar;
    update headcount_calendar set opening = new_opening, today = new_today;
    return new_opening > old_opening;
end $$;

-- Deletes changes before the opening, which nobody reads any more, so many rows at most; answers whether more are left.
create function forget_headcounts(most integer) returns boolean language plpgsql as $$
declare
    forgotten integer;
begin
    delete from headcount_sums where ctid = any(array(
        select s.ctid from headcount_sums s cross join headcount_calendar c where s.on_date > '-infinity' and s.on_date < c.opening limit most));
    get diagnostics forgotten = row_count;
    return forgotten = most;
end $$;

-- Adds what has been pending longest, so many rows of it; answers whether more is left.
create function add_pending_headcounts(most integer) returns boolean language plpgsql as $$
begin
    perform lock_headcount_sums();
    perform sum_headcounts(format($relations$
        taken as (
            delete from headcount_pending where sequence in (select sequence from headcount_pending order by sequence limit %s) returning *
        ),
        deltas as (
            select tenant_id, subject, unit_id, on_date, education_level, dimensions, sum(delta) as delta
            from taken group by 1, 2, 3, 4, 5, 6
        ),
        places as (select p.*, 1 as sign from headcount_placements p)
    $relations$, most));
    return exists (select from headcount_pending);
end $$;

-- Moves what so many units have added so far to where they stand now; answers whether more units are left. What is
-- pending is not among it: it will be added there.
create function place_moved_units(most integer) returns boolean language plpgsql as $$
declare
    units uuid[] := array(select unit_id from headcount_moved limit 20 * most);
begin
    perform lock_headcount_sums();
    -- Most stand where they stood: what lies below a unit is marked with it.
    delete from headcount_moved
    where unit_id = any(units) and unit_id <> all(array(select distinct unit_id from headcount_misplaced where unit_id = any(units)));
    units := array(select distinct unit_id from headcount_moved where unit_id = any(units) limit most);
    if units <> '{}' then
        -- One statement, so that all of it sees the same state: what arrives meanwhile is marked or pending anew.
        perform sum_headcounts(format($relations$
            done as (delete from headcount_moved where unit_id = any(%1$L)),
            places as (select * from headcount_misplaced where unit_id = any(%1$L)),
            gone as (
                delete from headcount_placements p using places x
                where x.sign = -1
                  and (p.tenant_id, p.unit_id, p.hierarchy, p.ancestor_id, p.valid_from, p.valid_to, p.levels, p.depth)
                    = (x.tenant_id, x.unit_id, x.hierarchy, x.ancestor_id, x.valid_from, x.valid_to, x.levels, x.depth)
            ),
            added as (
                insert into headcount_placements
                select tenant_id, unit_id, hierarchy, ancestor_id, valid_from, valid_to, levels, depth from places where sign = 1
            ),
            deltas as (
                select tenant_id, subject, unit_id, on_date, education_level, dimensions, sum(delta) as delta
                from (
                    select f.tenant_id, f.subject, f.unit_id, e.on_date, f.education_level, f.dimensions, e.delta
                    from headcount_facts f
                    cross join lateral (values (f.from_date, 1), (f.to_date + 1, -1)) e(on_date, delta)
                    where f.unit_id = any(%1$L) and e.on_date < 'infinity'
                    union all
                    select tenant_id, subject, unit_id, on_date, education_level, dimensions, -delta
                    from headcount_pending where unit_id = any(%1$L)
                ) d
                group by 1, 2, 3, 4, 5, 6
            )
        $relations$, units::text));
    end if;
    return exists (select from headcount_moved);
end $$;

-- No more is left pending than a report can read at once: whoever adds to too much takes some away, or makes way for
-- whoever is at it.
create function bound_pending_headcounts() returns trigger language plpgsql as $$
begin
    if (select max(sequence) - min(sequence) from headcount_pending) > 50000 then
        if pg_try_advisory_xact_lock(hashtextextended('headcount_sums', 0)) then
            perform add_pending_headcounts(2000);
        else
            perform pg_sleep(0.2);
        end if;
    end if;
    return null;
end $$;
create trigger bound_pending_headcounts after insert on headcount_pending for each statement execute function bound_pending_headcounts();

-- The statement that notes what facts change. A text: it is run where written rows are seen.
create function noting(facts text) returns text language sql immutable as $$
    select format($statement$
        insert into headcount_pending (tenant_id, subject, unit_id, on_date, education_level, dimensions, delta)
        select f.tenant_id, f.subject, f.unit_id, e.on_date, f.education_level, f.dimensions, sum(e.delta)
        from (%s) f
        cross join lateral (values (f.from_date, f.sign), (f.to_date + 1, -f.sign)) e(on_date, delta)
        where e.on_date < 'infinity'
        group by 1, 2, 3, 4, 5, 6
        having sum(e.delta) <> 0
    $statement$, facts)
$$;

-- An enrolment and the statistics of its student may arrive at once: whoever comes second must see the first. The lock
-- comes before the first row's, so that writers of many rows do not wait for one another in a circle.
create function one_writer_of_facts() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('headcount_facts', 0));
    return null;
end $$;

-- What a statement wrote, with 1 for what is there now and -1 for what was before.
create function written_rows(operation text) returns text language sql immutable as $$
    select case operation
        when 'INSERT' then '(select 1 as sign, n.* from new_rows n)'
        when 'DELETE' then '(select -1 as sign, o.* from old_rows o)'
        else '(select 1 as sign, n.* from new_rows n union all select -1 as sign, o.* from old_rows o)'
    end
$$;

create function enrolments_written() returns trigger language plpgsql as $$
begin
    execute noting(facts_of_students(written_rows(tg_op) || ' e left join student_statistics s on s.id = e.student_id and s.tenant_id = e.tenant_id', 'e.sign'));
    return null;
end $$;

create function student_statistics_written() returns trigger language plpgsql as $$
declare
    written text := written_rows(tg_op);
    -- Enrolments of students of whom nothing was known, or is known now, were counted too, or are.
    unknown text := case when tg_op = 'UPDATE' then '' else
        format('union all select -w.sign, w.id, w.tenant_id, null, null, null, null from %s w', written) end;
    known text := format('(select w.sign, w.id, w.tenant_id, w.gender, w.birth_year, w.ethnic_group, w.policy_category from %s w %s)', written, unknown);
begin
    execute noting(facts_of_students(format('enrolments e join %s s on s.id = e.student_id and s.tenant_id = e.tenant_id', known), 's.sign')
        || ' union all ' || facts_of_records('student_records', written, 'r.sign'));
    return null;
end $$;

create function staff_statistics_written() returns trigger language plpgsql as $$
declare
    written text := written_rows(tg_op);
    employments text := 'e(unit_id uuid, education_level text, dimensions text[], from_date date, to_date date)';
begin
    if tg_op <> 'INSERT' then
        delete from staff_employments e using old_rows o where e.staff_id = o.id;
    end if;
    if tg_op <> 'DELETE' then
        execute format('insert into staff_employments select n.id, n.tenant_id, e.* from new_rows n cross join lateral jsonb_to_recordset(n.employments) %s', employments);
    end if;
    execute noting(facts_of_staff(format('(select w.sign, w.tenant_id, e.* from %s w cross join lateral jsonb_to_recordset(w.employments) %s)', written, employments), 'e.sign')
        || ' union all ' || facts_of_records('staff_records', written, 'r.sign'));
    return null;
end $$;

do $$
declare
    copy text;
begin
    foreach copy in array array['enrolments', 'student_statistics', 'staff_statistics'] loop
        execute format('create trigger one_writer_of_facts before insert or update or delete on %I for each statement execute function one_writer_of_facts()', copy);
        execute format('create trigger %1$s_inserted after insert on %1$I referencing new table as new_rows for each statement execute function %1$s_written()', copy);
        execute format('create trigger %1$s_updated after update on %1$I referencing old table as old_rows new table as new_rows for each statement execute function %1$s_written()', copy);
        execute format('create trigger %1$s_deleted after delete on %1$I referencing old table as old_rows for each statement execute function %1$s_written()', copy);
    end loop;
end $$;
