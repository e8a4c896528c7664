drop table staff_facts;
drop table enrolment_facts;
drop function derive_headcount_changes;
drop table headcount_changes;
drop table newest_changes;
