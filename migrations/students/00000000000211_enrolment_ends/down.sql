drop trigger end_without_kind on enrolments;
drop function end_without_kind();
alter table students drop column leaving_reason, drop column end_kind;
update enrolments set end_reason = end_kind where ended_on is not null and end_reason is null;
alter table enrolments
    drop constraint enrolments_end_reason, drop column leaving_reason, drop column end_kind,
    add constraint enrolments_check1 check ((ended_on is null) = (end_reason is null));
