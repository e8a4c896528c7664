-- Most edits change nothing that is counted, such as a telephone number: a newer version of the same facts is not worked
-- out again. Nor is what an upsert inserted, where it inserted nothing.

create or replace function enrolments_written() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if not exists (select from new_rows) then
            return null;
        end if;
    elsif tg_op = 'UPDATE' then
        if not exists (
            select from new_rows n join old_rows o on o.id = n.id
            where (n.tenant_id, n.student_id, n.unit_id, n.education_level, n.grade, n.gender, n.from_date, n.to_date)
                is distinct from (o.tenant_id, o.student_id, o.unit_id, o.education_level, o.grade, o.gender, o.from_date, o.to_date)
        ) then
            return null;
        end if;
    end if;
    execute noting(facts_of_students(written_rows(tg_op) || ' e left join student_statistics s on s.id = e.student_id and s.tenant_id = e.tenant_id', 'e.sign'));
    return null;
end $$;

create or replace function student_statistics_written() returns trigger language plpgsql as $$
declare
    written text := written_rows(tg_op);
    -- Enrolments of students of whom nothing was known, or is known now, were counted too, or are.
    unknown text := case when tg_op = 'UPDATE' then '' else
        format('union all select -w.sign, w.id, w.tenant_id, null, null, null, null from %s w', written) end;
    known text := format('(select w.sign, w.id, w.tenant_id, w.gender, w.birth_year, w.ethnic_group, w.policy_category from %s w %s)', written, unknown);
begin
    if tg_op = 'INSERT' then
        if not exists (select from new_rows) then
            return null;
        end if;
    elsif tg_op = 'UPDATE' then
        if not exists (
            select from new_rows n join old_rows o on o.id = n.id
            where (n.tenant_id, n.unit_id, n.education_level, n.gender, n.birth_year, n.ethnic_group, n.policy_category, n.identity_status, n.missing, n.ended)
                is distinct from (o.tenant_id, o.unit_id, o.education_level, o.gender, o.birth_year, o.ethnic_group, o.policy_category, o.identity_status, o.missing, o.ended)
        ) then
            return null;
        end if;
    end if;
    execute noting(facts_of_students(format('enrolments e join %s s on s.id = e.student_id and s.tenant_id = e.tenant_id', known), 's.sign')
        || ' union all ' || facts_of_records('student_records', written, 'r.sign'));
    return null;
end $$;

create or replace function staff_statistics_written() returns trigger language plpgsql as $$
declare
    written text := written_rows(tg_op);
    employments text := 'e(unit_id uuid, education_level text, dimensions text[], from_date date, to_date date)';
begin
    if tg_op = 'INSERT' then
        if not exists (select from new_rows) then
            return null;
        end if;
    elsif tg_op = 'UPDATE' then
        if not exists (
            select from new_rows n join old_rows o on o.id = n.id
            where (n.tenant_id, n.unit_id, n.education_level, n.identity_status, n.missing, n.ended, n.employments)
                is distinct from (o.tenant_id, o.unit_id, o.education_level, o.identity_status, o.missing, o.ended, o.employments)
        ) then
            return null;
        end if;
    end if;
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
