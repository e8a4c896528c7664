drop index units_in_order_of_reports, unit_ancestors_by_depth;
drop trigger mark_moved_units on unit_ancestors;
drop trigger mark_unit_of_other_levels on units;
drop view headcount_misplaced, headcount_places, headcount_facts;
drop table headcount_moved, headcount_placements, headcount_calendar, headcount_sums, headcount_divisions, headcount_pending,
    staff_employments, staff_statistics, student_statistics, enrolments;
drop function staff_statistics_written, student_statistics_written, enrolments_written, written_rows, one_writer_of_facts, noting,
    bound_pending_headcounts, place_moved_units, forget_headcounts, advance_headcounts, add_pending_headcounts, lock_headcount_sums, sum_headcounts,
    mark_unit_of_other_levels, mark_moved_units, facts_of_records, facts_of_staff, facts_of_students;

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
