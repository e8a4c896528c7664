-- The sums of a large unit are packed: those of one series on one day in one row. A report of 1,500 sums read as many pages
-- before, and took longer the larger the school system. And the units of a report in their order (docs/adr/0005-reports.md).

-- The sums of small units, and what large ones have been added since they were packed. Writing is as quick as it was.
alter table headcount_sums rename to headcount_loose;

create table headcount_packed (
    unit_id  uuid not null,
    series   text collate "C" not null,
    on_date  date not null,
    -- The sums: the n-th of each.
    levels   text[] collate "C" not null,
    a_values text[] collate "C" not null,
    b_values text[] collate "C" not null,
    deltas   integer[] not null,
    primary key (unit_id, series, on_date)
);

-- All of them: those of a cell add up.
create view headcount_sums as
    select unit_id, series, on_date, levels, a_value, b_value, delta from headcount_loose
    union all
    select p.unit_id, p.series, p.on_date, s.levels, s.a_value, s.b_value, s.delta
    from headcount_packed p
    cross join lateral unnest(p.levels, p.a_values, p.b_values, p.deltas) s(levels, a_value, b_value, delta);

-- Packs so many loose sums of large units; answers whether there are more.
-- As in sum_headcounts, the planner would sort what it had better hash.
create function pack_headcounts(most integer) returns boolean language plpgsql set work_mem = '64MB' set enable_sort = off set jit = off as $$
declare
    found integer;
begin
    perform lock_headcount_sums();
    with loose as (
        -- Those of a series follow one another, so that its row is written once.
        select l.place
        from headcount_anchored h
        cross join lateral (select ctid as place from headcount_loose where unit_id = h.unit_id order by series, on_date limit most) l
        limit most
    ),
    changes as (delete from headcount_loose where ctid = any(array(select place from loose)) returning *),
    touched as materialized (select distinct unit_id, series, on_date from changes),
    sums as (
        select unit_id, series, on_date, levels, a_value, b_value, sum(delta) as delta
        from (
            select unit_id, series, on_date, levels, a_value, b_value, delta from changes
            union all
            select p.unit_id, p.series, p.on_date, s.*
            from touched t
            cross join lateral (
                select * from headcount_packed p where p.unit_id = t.unit_id and p.series = t.series and p.on_date = t.on_date offset 0
            ) p
            cross join lateral unnest(p.levels, p.a_values, p.b_values, p.deltas) s
        ) s
        group by 1, 2, 3, 4, 5, 6
        having sum(delta) <> 0
    ),
    packed as materialized (
        select unit_id, series, on_date, array_agg(levels) as levels, array_agg(a_value) as a_values, array_agg(b_value) as b_values, array_agg(delta::integer) as deltas
        from sums group by 1, 2, 3
    ),
    emptied as (
        delete from headcount_packed p using (select unit_id, series, on_date from touched except select unit_id, series, on_date from packed) e
        where p.unit_id = e.unit_id and p.series = e.series and p.on_date = e.on_date
    ),
    written as (
        insert into headcount_packed (unit_id, series, on_date, levels, a_values, b_values, deltas)
        select * from packed
        on conflict (unit_id, series, on_date) do update
        set levels = excluded.levels, a_values = excluded.a_values, b_values = excluded.b_values, deltas = excluded.deltas
    )
    select count(*) into found from changes;
    return found = most;
end $$;

-- As before, into the loose sums.
create or replace function sum_headcounts(relations text) returns void language plpgsql set work_mem = '64MB' set enable_sort = off set jit = off as $$
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
            insert into headcount_loose as s (unit_id, series, on_date, levels, a_value, b_value, delta)
            select p.unit_id, p.series || t.span, t.on_date, p.levels, p.a_value, p.b_value, sum(p.delta)
            from placed p
            cross join headcount_calendar c
            left join headcount_anchored h on h.unit_id = p.unit_id and p.series like 'students/%%'
            cross join lateral (
                values
                    ('today', case when p.on_date <= c.today then date '-infinity' end),
                    ('month', case when p.on_date >= c.opening then date_trunc('month', p.on_date)::date end),
                    ('day', case when p.on_date >= c.opening then p.on_date end)
                union all
                select 'year', generate_series(date_trunc('year', p.on_date) + interval '1 year', c.today, '1 year')::date
                where h.unit_id is not null
            ) t(span, on_date)
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
        delete from headcount_loose where ctid = any(voided);
    end if;
end $$;

-- As before.
create or replace function sum_years(units uuid[], since date) returns void language sql as $$
    insert into headcount_loose as s (unit_id, series, on_date, levels, a_value, b_value, delta)
    select s.unit_id, left(s.series, -5) || 'year', y.on_date, s.levels, s.a_value, s.b_value, sum(s.delta)
    from headcount_calendar c
    cross join lateral (select generate_series(date_trunc('year', greatest(since, c.opening) - 1) + interval '1 year', c.today, '1 year')::date) y(on_date)
    cross join lateral (
        select unit_id, series, levels, a_value, b_value, delta
        from headcount_sums where unit_id = any(units) and series like 'students/%/today'
        union all
        select unit_id, series, levels, a_value, b_value, -delta
        from headcount_sums where unit_id = any(units) and series like 'students/%/month' and on_date >= y.on_date and on_date < date_trunc('month', c.today)
        union all
        select unit_id, left(series, -3) || 'month', levels, a_value, b_value, -delta
        from headcount_sums where unit_id = any(units) and series like 'students/%/day' and on_date between date_trunc('month', c.today) and c.today
    ) s
    group by 1, 2, 3, 4, 5, 6
    having sum(s.delta) <> 0
$$;

-- As before.
create or replace function advance_headcounts(new_opening date, new_today date) returns boolean language plpgsql as $$
declare
    old_opening date;
    old_today date;
begin
    perform lock_headcount_sums();
    insert into headcount_loose as s (unit_id, series, on_date, levels, a_value, b_value, delta)
    select d.unit_id, left(d.series, -3) || 'today', '-infinity', d.levels, d.a_value, d.b_value, sum(d.delta)
    from headcount_sums d
    cross join headcount_calendar c
    where d.series like '%/day' and d.on_date > c.today and d.on_date <= new_today
    group by 1, 2, 4, 5, 6
    having sum(d.delta) <> 0
    on conflict (unit_id, series, on_date, levels, a_value, b_value) do update set delta = s.delta + excluded.delta;
    select opening, today into old_opening, old_today from headcount_calendar;
    update headcount_calendar set opening = new_opening, today = new_today;
    perform sum_years(array(select unit_id from headcount_anchored), old_today + 1);
    return new_opening > old_opening;
end $$;

-- Deletes changes before the opening, which nobody reads any more, so many rows at most; answers whether more are left.
create or replace function forget_headcounts(most integer) returns boolean language plpgsql as $$
declare
    loose integer;
    packed integer;
begin
    delete from headcount_loose where ctid = any(array(
        select s.ctid from headcount_loose s cross join headcount_calendar c where s.on_date > '-infinity' and s.on_date < c.opening limit most));
    get diagnostics loose = row_count;
    delete from headcount_packed where ctid = any(array(
        select s.ctid from headcount_packed s cross join headcount_calendar c where s.on_date > '-infinity' and s.on_date < c.opening limit most));
    get diagnostics packed = row_count;
    return loose = most or packed = most;
end $$;

-- For the rows of a report: the units below another so many levels down, in their order.
alter table unit_ancestors add column code text collate "C";
update unit_ancestors a set code = u.code from units u where u.id = a.unit_id;

create function name_code_of_unit() returns trigger language plpgsql as $$
begin
    new.code := (select code from units where id = new.unit_id);
    return new;
end $$;
create trigger name_code_of_unit before insert on unit_ancestors for each row execute function name_code_of_unit();

create function rename_code_of_unit() returns trigger language plpgsql as $$
begin
    update unit_ancestors set code = new.code where unit_id = new.id;
    return null;
end $$;
create trigger rename_code_of_unit after update of code on units for each row when (old.code <> new.code) execute function rename_code_of_unit();

create index unit_ancestors_in_order on unit_ancestors (ancestor_id, hierarchy, depth, code, (unit_id::text collate "C"));
drop index unit_ancestors_by_depth;
drop index units_in_order_of_reports;
