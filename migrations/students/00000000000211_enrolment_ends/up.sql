-- How an enrolment, or a student's record, ended, besides the note that says why in words.
alter table enrolments
    add column end_kind text check (end_kind in ('class_move', 'school_transfer', 'promoted', 'repeating', 'graduated', 'left', 'deceased', 'unknown')),
    add column leaving_reason text;

-- What ended before is told by the enrolment that follows within a summer; where none does, nobody said. The rows move in
-- the change feed and keep their version.
update enrolments e
set change_sequence = null,
    end_kind = case
        when n.id is null then 'unknown'
        when n.school_year_id <> e.school_year_id and coalesce(n.grade, 0) > coalesce(e.grade, 0)
            and array_position(array['MN', 'TH', 'THCS', 'THPT', 'GDTX'], n.education_level) > array_position(array['MN', 'TH', 'THCS', 'THPT', 'GDTX'], e.education_level)
            then 'graduated'
        when n.unit_id <> e.unit_id then 'school_transfer'
        when n.school_year_id <> e.school_year_id and n.grade > e.grade then 'promoted'
        when n.school_year_id <> e.school_year_id and n.grade = e.grade then 'repeating'
        else 'class_move'
    end
from enrolments ended
left join lateral (
    select f.* from enrolments f
    where f.tenant_id = ended.tenant_id and f.student_id = ended.student_id and f.enrolled_on > ended.ended_on and f.enrolled_on <= ended.ended_on + 120
    order by f.enrolled_on
    limit 1) n on true
where ended.id = e.id and e.ended_on is not null and e.end_kind is null;

-- The note, which every end had to have, need not be there any more; the kind must.
alter table enrolments
    drop constraint enrolments_check1,
    add constraint enrolments_end_kind check ((ended_on is null) = (end_kind is null)),
    add constraint enrolments_end_reason check (end_reason is null or ended_on is not null),
    add constraint enrolments_leaving_reason check (leaving_reason is null or end_kind = 'left');

-- Processes of the former release, which may still write during an upgrade, know nothing of the kind.
create function end_without_kind() returns trigger language plpgsql as $$
begin
    if new.ended_on is null then
        new.end_kind := null;
        new.leaving_reason := null;
    else
        new.end_kind := coalesce(new.end_kind, 'unknown');
    end if;
    return new;
end $$;
create trigger end_without_kind before insert or update on enrolments for each row execute function end_without_kind();

-- Of a student's record that has ended; nothing where nobody said.
alter table students
    add column end_kind text check (end_kind in ('school_transfer', 'graduated', 'left', 'deceased')),
    add column leaving_reason text,
    add constraint students_end_kind check (end_kind is null or ended_on is not null),
    add constraint students_leaving_reason check (leaving_reason is null or end_kind = 'left');
